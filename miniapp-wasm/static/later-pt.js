export default `
Deixar uma mensagem
Obrigado. Vamos escrever-lhe.
De momento não está ninguém. Deixe uma mensagem com o seu e-mail e responderemos por e-mail.
Não foi possível enviar a mensagem. Tente novamente daqui a pouco.
Foram deixadas demasiadas mensagens a partir daqui. Tente novamente dentro de uma hora.
Enviar a conversa por e-mail
A conversa vai a caminho.
Não é possível enviá-la agora.
Enquanto espera
Oferta
Perguntas e respostas
Procurar nas perguntas
Nada encontrado
Saber mais
Páginas
O que sabemos de si
Corrija o que estiver errado. Quem o atender vai ler.
Corrigir
Obrigado. Fica anotado.
Não precisa de esperar: deixe uma mensagem e responderemos por e-mail.
Como correu?
Muito mal
Mal
Razoável
Bem
Muito bem
Quer acrescentar alguma coisa?
Obrigado pela resposta.
O chat não está acessível a partir daqui.
Abrir numa janela própria
A sua mensagem
Não precisa de esperar: deixe o seu número de telefone e ligamos-lhe.
Número de telefone
Liguem-me
Obrigado. Vamos ligar-lhe.
O agente vê o que escreve antes de o enviar.
`;
