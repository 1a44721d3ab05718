export default `
Estamos aquí para ayudarle
Conectando…
Reconectando…
Le estamos conectando…
Le estamos conectando con $1…
Con $1
Enseguida le atenderá alguien…
Un momento…
Es el número $1
one=Es el número $1, alrededor de un minuto|other=Es el número $1, unos $2 minutos
En la cola de $1
$1 se ha unido
$1 ha tenido que irse. Usted es el siguiente.
Le estamos pasando con $1
Ahora está con $1
Ha terminado el chat
El chat ha terminado
El chat terminó tras un tiempo sin mensajes
El chat ha terminado: ya hemos cerrado
El servidor terminó el chat
Chat terminado
Empezar un chat nuevo
Esta conversación continúa en otro lugar.
Esta conversación continúa en $1.
Este chat continúa en otra ventana.
Continuar aquí
El chat no se puede usar en esta página.
El chat se ha actualizado. Vuelva a cargar la página.
El mensaje es demasiado largo. Envíelo por partes.
Hay demasiados mensajes por enviar. Espere a que haya conexión.
Un momento: le estamos conectando. Su mensaje aún no se ha enviado.
El chat anterior ya no está disponible. Empiece uno nuevo.
Sigue con nosotros: no pudimos contactar con los otros.
El chat no pudo continuar aquí.
Aquí no se pueden enviar archivos de este tipo o tamaño.
No se pudo enviar el archivo. Inténtelo de nuevo en un momento.
No se pudo entregar el último mensaje.
Abrir el chat
Más
Terminar el chat
Cerrar la ventana del chat
¿En qué podemos ayudarle?
Tema
Su nombre
Correo electrónico
opcional
Su pregunta
Empezar el chat
Conversación
está escribiendo
Enviando el archivo…
Archivos para enviar
Enviar un archivo
Escriba un mensaje
Enviar
Enviando…
Enviado
Visto
No entregado
Sonido
Guardar la conversación
Usted
Emoji
`;
