export default `
Leave a message
Thank you. We will write to you.
Nobody is here at the moment. Leave a message with your e-mail address, and we answer by e-mail.
The message could not be sent. Please try again in a moment.
Too many messages were left from here. Please try again in an hour.
Send conversation by e-mail
The conversation is on its way to you.
It cannot be sent now.
While you wait
Offer
Questions and answers
Search the questions
Nothing found
Read more
Pages
What we know about you
Please correct what is wrong. Whoever joins will read it.
Correct
Thank you. It is noted.
You need not wait: leave a message, and we answer by e-mail.
How was it?
Very bad
Bad
All right
Good
Very good
Is there anything you want to add?
Thank you for telling us.
The chat cannot be reached from here.
Open it in a window of its own
Your message
You need not wait: leave your telephone number, and we call you back.
Telephone number
Call me back
Thank you. We will call you.
The agent sees what you write before you send it.
`;
