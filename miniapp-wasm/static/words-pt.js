export default `
Estamos aqui para ajudar
A ligar…
A restabelecer a ligação…
Estamos a ligar…
Estamos a ligar a $1…
Com $1
Alguém vai atender em breve…
Um momento…
É o número $1
one=É o número $1, cerca de um minuto|other=É o número $1, cerca de $2 minutos
Na fila de $1
$1 entrou na conversa
$1 teve de sair. É a sua vez a seguir.
A conversa está a ser passada a $1
Está agora com $1
Terminou a conversa
A conversa foi terminada
A conversa terminou após algum tempo sem mensagens
A conversa terminou: já fechámos
A conversa foi terminada pelo servidor
Conversa terminada
Nova conversa
Esta conversa continua noutro lugar.
Esta conversa continua em $1.
Esta conversa continua noutra janela.
Continuar aqui
O chat não pode ser usado nesta página.
O chat foi atualizado. Recarregue a página.
A mensagem é demasiado longa. Envie-a em partes.
Há demasiadas mensagens por enviar. Aguarde pela ligação.
Um momento: estamos a ligar. A sua mensagem ainda não foi enviada.
A conversa anterior já não está disponível. Comece uma nova.
Continua connosco: não foi possível contactar os outros.
A conversa não pôde continuar aqui.
Ficheiros deste tipo ou tamanho não podem ser enviados aqui.
Não foi possível enviar o ficheiro. Tente de novo dentro de momentos.
A última mensagem não pôde ser entregue.
Abrir o chat
Mais
Terminar a conversa
Fechar a janela do chat
Como podemos ajudar?
Assunto
O seu nome
E-mail
opcional
A sua pergunta
Começar
Conversa
está a escrever
A enviar o ficheiro…
Ficheiros a enviar
Enviar um ficheiro
Escreva uma mensagem
Enviar
A enviar…
Enviada
Vista
Não entregue
Som
Guardar a conversa
Eu
Emoji
`;
