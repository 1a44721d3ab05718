export default `
We are here for you
Connecting…
Reconnecting…
Connecting you…
Connecting you to $1…
With $1
Waiting for somebody to join…
One moment…
You are number $1
one=You are number $1, about a minute|other=You are number $1, about $2 minutes
Waiting in line for $1
$1 has joined
$1 had to leave. You are next in line.
You are being passed on to $1
You are now with $1
You have ended the chat
The chat was ended
The chat ended after a time without a message
The chat ended: we are closed now
The chat was ended by the server
Chat ended
Start a new chat
This conversation goes on elsewhere.
This conversation goes on at $1.
This chat goes on in another window.
Continue here
The chat cannot be used on this page.
The chat has been updated. Please load the page again.
This message is too long. Please send it in parts.
Too many messages are waiting to be sent. Please wait until you are connected.
One moment: you are being connected. Your message was not sent yet.
The earlier chat is not available any more. Please start a new one.
You are still with us: the others could not be reached.
The chat could not be continued here.
Files of this kind or size cannot be sent here.
The file could not be sent. Please try again in a moment.
The last message could not be delivered.
Open chat
More
End chat
Close the chat window
How can we help?
About
Your name
E-mail
optional
Your question
Start chat
Conversation
is typing
Sending the file…
Files to send
Send a file
Write a message
Send
Sending…
Sent
Seen
Not delivered
Sound
Save conversation
You
Emoji
`;
