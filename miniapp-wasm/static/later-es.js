export default `
Dejar un mensaje
Gracias. Le escribiremos.
Ahora mismo no hay nadie. Deje un mensaje con su correo electrónico y le responderemos por correo.
No se pudo enviar el mensaje. Vuelva a intentarlo en un momento.
Se han dejado demasiados mensajes desde aquí. Vuelva a intentarlo dentro de una hora.
Enviar la conversación por correo
La conversación va en camino.
Ahora no se puede enviar.
Mientras espera
Oferta
Preguntas y respuestas
Buscar en las preguntas
No se encontró nada
Más información
Páginas
Lo que sabemos de usted
Corrija lo que no sea cierto. Quien le atienda lo leerá.
Corregir
Gracias. Queda anotado.
No tiene que esperar: deje un mensaje y le responderemos por correo.
¿Qué le ha parecido?
Muy mal
Mal
Normal
Bien
Muy bien
¿Quiere añadir algo?
Gracias por su respuesta.
El chat no está disponible desde aquí.
Abrirlo en su propia ventana
Su mensaje
No tiene que esperar: deje su número de teléfono y le llamaremos.
Número de teléfono
Quiero que me llamen
Gracias. Le llamaremos.
El agente ve lo que escribe antes de que lo envíe.
`;
