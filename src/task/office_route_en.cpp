#include "task/office_route.h"

namespace sobre::office {

namespace {

using Text = std::string_view;

constexpr Text kInstructions[] = {
    "[Which|What] queue [should|does|must] this message [go to|belong to]? {text}",
    "[Route|Sort|Direct|Send] this [message|email|request] to [the right|a|one] queue: {text}",
    "[Customer message|Message from a customer|Incoming message]: {text}\n[Which queue|Queue|Right queue]?",
    "[Choose|Pick|Name|Give] the [right |best |]queue for this [message|customer|email|request]: {text}",
    "{text}\n[Which|What] queue [is this for|handles this|should take this|should answer this]?",
    "[Sort|Route|Classify] [this|the] [customer |]message [into one of: |as one of: |as ]billing, shipping, returns, "
    "technical, account, sales, cancellation, complaints[:|.] {text}",
    "[Queues|Our queues|The queues are]: billing, shipping, returns, technical, account, sales, cancellation, complaints. "
    "[Message|Customer|Text]: {text}",
    "[A customer writes|A customer wrote|A client says|We got this message]: {text}\n[Which|What] queue [is it for|should get "
    "it|is right]?",
    "[Where|To which queue] should [this message|this email|this request|this] go? {text}",
    "Route: {text}",
    "[Support queue|Queue] for [the following|this] [message|request]: {text}",
    "[Please |][tell me|say] which [queue|team] should [read|get|answer|handle] this [message|email]: {text}",
};
constexpr Text kGreetings[] = {
    "[Hello|Hi|Hey|Good morning|Good afternoon|Good evening|Good day][ there| team| everyone| all| to you|],",
    "Dear [team|all|friends|colleagues|Sir or Madam|customer service|ladies and gentlemen],",
    "[Greetings|A good morning|A good day][ to you| to all| to the team|],",
};
constexpr Text kSmallTalk[] = {
    "I hope [you are well|you are having a good day|this finds you well|all is well with you|you had a nice weekend].",
    "[It is raining|The sun is shining|It is cold|It is very warm|There is snow|It is foggy|The wind is strong] here "
    "[today|again|this week|as always].",
    "I have been [a customer|with you|one of your customers|loyal to you] for [two|three|four|five|many|several|almost ten] "
    "years.",
    "[My sister|My brother|A friend|My neighbour|A colleague|My mother|Our boss|My cousin] [told me about you|says you are "
    "good|recommended you|gave me your address|speaks well of you].",
    "[I am writing from|I write to you from|We live in|I am in|We are staying in] {town}[ at the moment| these days|].",
    "[Greetings from|I come from|My family comes from] {town}.",
    "[This is my first message|I do not write often|I am not good with emails|I have never written before|I am new to this][, "
    "sorry|, I admit|].",
    "[Sorry to trouble you|Sorry for the long message|Excuse my English|I will keep it short|Just a quick note|I know you are "
    "busy].",
    "[I tried to call|Nobody picked up the phone|I did not know whom to ask|I could not find a form], so I am writing [here|to "
    "you|this|an email].",
    "[We are a small team|I work in a school|I run a small shop|We are a family of four|I live alone|I am a student|I drive a "
    "taxi|We run a farm|I work at night].",
    "[My daughter|My son|My husband|My wife|My grandmother|My flatmate] [is typing this for me|is sitting beside me|helps me "
    "with this|says hello|has a birthday today].",
    "[Yesterday|On Sunday|Last night|This morning] [we had guests|I went for a long walk|we watched the match|I baked a "
    "cake|the children were ill].",
    "[I just came back|We are just back] from [a holiday|the seaside|the mountains|a long journey|a wedding][, very tired|, "
    "all rested|].",
    "[We used to live|I grew up|I was born|We spend our summers] in {town}[, a lovely place|, as it happens|].",
    "[I am writing this|I am typing this] [in my lunch break|on the bus|from my kitchen|between two meetings|on my phone|with "
    "one hand].",
    "[The garden is in bloom|The holidays are near|The leaves are falling|Everyone here has a cold|The school year has "
    "begun|The days are getting shorter].",
    "[To be honest|Frankly|Between us], [I am a bit lost|I had to smile|I nearly forgot to write|I do not like writing "
    "emails].",
    "I [turned seventy|learned to swim|became a grandfather|started a new job|passed my driving test|finished school] [this "
    "year|last month|in June].",
    "[We met once|We spoke at the fair|I visited you in {town}|I saw you on television][ last year| some time ago|].",
    "You may remember me[, I was at your summer party|, the man with the red hat|].",
    "[I read about you|I found you|I first heard of you] [in the newspaper|on the internet|in a magazine].",
    "[My cat|My dog|The baby] [keeps me awake|is asleep on my lap|wants attention|is walking over my papers], so [forgive my "
    "mistakes|I will be quick|this will be short].",
    "[Please do not hurry|There is no hurry|It can wait until Monday|An answer this week would be nice|Take your time].",
    "[I know|I can imagine|I am sure] [you get many emails|you have a lot to do|it is a busy season|Mondays are hard].",
    "[Our office|Our house|My flat|Our school] is [near the station|by the river|in the old town|on the third floor|next to "
    "the park].",
    "[In our village|In our street|At work|In my family] everybody [knows you|talks about the weather|likes your "
    "company|drinks too much coffee].",
    "[The kettle is on|I have my tea beside me|The radio is playing|I can hear the church bells|It is nearly midnight here] "
    "[as I write|while I write this].",
    "[I was ill|I was away|I was in hospital|I was abroad] for [a week|some days|most of May], [now I am back|but I am fine "
    "again].",
    "[I am not young any more|My eyes are not the best|I am left-handed|I wear glasses], so [please write clearly|this took me "
    "a while|excuse the typing].",
    "[A happy new year|Happy Easter|A good start to the week|Merry Christmas|All the best] [to you all|to everyone there|to "
    "the whole team].",
    "[What a day|What a week|Oh dear|Well, well|Goodness], [here I am again|I hardly know how to begin|where shall I start].",
    "[We have|I have] [three children|two dogs|a large garden|a band|an old boat][ and little time| and no free evening|].",
};
constexpr Text kTurns[] = {
    "[What I need|All I need|What I want][ today| now|] is [something else|another thing|different]:",
    "[But|Now] [my only question|my real request|the reason I write|the one thing I need] is [this|the following]:",
    "[That is all settled|All of that is fine|None of that matters now|That is done]. [My request|My question|Now to my "
    "point|What I need]:",
    "[I am not writing about that|That is not why I write|You need not do anything about that].",
    "[Only one thing is open|There is just one thing to do|One thing is left]:",
};
constexpr Text kClosings[] = {
    "[Thank you|Thanks|Many thanks|Thanks a lot|Thank you very much][ in advance| for your help| for your time| for "
    "reading|][.|!]",
    "[Kind|Best|Warm|Friendly] [regards|wishes]",
    "[Have|I wish you] a [nice|good|pleasant|lovely] [day|week|evening|weekend|afternoon][.|!]",
    "[Yours|Sincerely|Regards|Yours faithfully|Bye for now|Until soon|Take care][,|.|]",
};

constexpr Text kBillingPlain[] = {
    "[The invoice|My bill|The receipt|The total|The amount|The VAT|The fee|The payment|The charge|The price on my invoice] "
    "[for order {n} is wrong|for {the_item} is too high|is not what I agreed to pay|of last month has a mistake|has to be "
    "corrected|does not match what I paid|should be {p} euros, not {m}|was booked twice].",
    "[I have a question about|There is a mistake in|Something is wrong with|I do not understand] my [invoice|last "
    "invoice|bill|last bill].",
    "[You|Your company|The shop] charged [me|my card|us] [twice|two times] for [order {n}|the same order|{the_item}].",
    "[Please|Could you|Can you] send me [the|an|a copy of the] invoice for [order {n}|{the_item}|last month][, please|].",
    "The [amount|total|price] on my [invoice|bill] is [wrong|too high|not right].",
    "My [bill|invoice] [says|shows] {m} euros, but I [should|only had to] pay {p} euros.",
    "[I want|I need|I would like] to change my [payment method|bank details for payments|billing address].",
    "Why [is my bill so high|did you charge my card|was I charged {m} euros|is there a fee on my bill]?",
    "Can you tell me why [my bill is so high|you charged my card|I was charged {m} euros|there is a fee on my bill]?",
    "My [payment|card payment|bank payment] [was taken twice|did not go through|was refused|failed].",
    "[I need|We need|Please send] a [receipt|payment receipt|VAT invoice] for [order {n}|my tax office|our accounts].",
    "[Can you|Could you please|Will you] check [the invoice|my bill|the total|the fee] for [order {n}|last month|{the_item}]?",
    "[I got|I received|You sent me] [two invoices|two bills|a second invoice] for [order {n}|{the_item}|the same thing].",
    "[How|Where] can I [pay my bill|pay the invoice|see my invoices|download my receipt|pay by card]?",
    "[I was charged|My card was charged|You took] {m} euros [instead of {p}|for {the_item}|this month], [why|is that right|can "
    "you check this]?",
};
constexpr Text kBillingIndirect[] = {
    "[My bank statement|My bank account|My card statement|My accountant|My bookkeeper|The tax office|Our finance team] [shows "
    "{m} euros too many|says you took {m} euros|says I paid {m} euros, not {p}|says the sum is wrong|cannot find what I "
    "paid|says the money left twice|wants to see what I paid you|asks what the {m} euros are for].",
    "[Can|Could|May] [I|we|my company] pay [in two parts|in three parts|by bank transfer|at the end of the month|next week|by "
    "cheque|later|with two cards]?",
    "[The same sum|{m} euros] [left|went out of] my bank account [twice|two times] [this month|last week|on Monday].",
    "[I paid|We paid] {m} euros and [your paper|your statement] [says|asks for] {p} euros.",
    "[Our accountant|My accountant|The tax office] [needs|is asking for] [a document that shows what we paid|proof of what I "
    "paid|the VAT number on the bill].",
    "[The sum|The figure|The total] at the bottom of [the document|your statement] is [higher than agreed|not what we "
    "agreed|too big].",
    "[I see|There is] a [fee|charge|sum] of {m} euros [that I cannot explain|that I do not understand|that nobody told me "
    "about].",
    "[My bank|The bank] [refused|blocked|returned] the money [I sent you|for {the_item}], how can I pay [now|another way]?",
    "[Did you get|Have you received] [my money|the transfer|what I paid] [for {the_item}|for order {n}|on Monday]?",
    "[I only owe|We only owe|I should owe] {p} euros, [not {m}|but you ask for {m}].",
    "[When|On which day] will [the money|the sum|the {m} euros] be taken [from my bank|from my card]?",
};
constexpr Text kBillingBack[] = {
    "[The invoice|My last bill] was [correct|fine|right].",
    "[I have paid|We paid] the [bill|invoice] [already|last week].",
    "[Your|The] invoice [came|arrived] [on time|last week] and [is paid|is right].",
};

constexpr Text kShippingPlain[] = {
    "[The parcel|My package|The delivery|My delivery|Order {n}|The courier|The driver|The van|The postman|The carrier] [is "
    "late|is two days late|has not come|did not come today|is still on the road|is nowhere to be seen|has not reached me|went "
    "to the wrong house|never arrived].",
    "[When|On which day|What day] will [{the_item}|order {n}|my parcel|my package|my delivery] be [delivered|shipped|sent "
    "out|at my door|with me|here]?",
    "[Where is|When will I get|Can you look for] my [parcel|package|delivery][ with {the_item}| {n}|]?",
    "My [parcel|package|delivery] [has not arrived|has not come|is late|is lost][ yet|].",
    "[The|My] delivery [of {the_item}|of order {n}] is [late|two days late|a week late|delayed].",
    "The [tracking number|tracking link|tracking page] [does not work|shows nothing|is wrong|has not changed for days].",
    "[Please|Could you|Can you] deliver [my parcel|order {n}|the package] to [another address|my office|my neighbour].",
    "[How long|How many days] does [delivery|shipping] [take|to {town} take]?",
    "[The driver|The courier|The postman] [did not find my house|did not ring|left no parcel|could not deliver].",
    "[Do you|Can you] [ship|deliver] to {town}?",
    "Has [order {n}|my parcel|{the_item}] [left the warehouse|been sent|been shipped|been delivered][ yet|]?",
    "[The van|The courier|The driver|The postman] [came|was here] [too early|while I was out|on the wrong day] and [took the "
    "parcel away|left again|did not ring].",
    "[I need|We need] {the_item} [by Friday|before Monday|this week], [will it arrive in time|when does it get here|can you "
    "send it faster]?",
    "[What time|On which day|When] does [the van|the driver|the courier|my parcel] [come|arrive|get here]?",
};
constexpr Text kShippingIndirect[] = {
    "[Can|Could|May] [the courier|the driver|the van|the postman|your carrier] [call me first|ring me before|come after "
    "six|come in the morning|leave it at the back door|leave the box next door|come to {town} instead|wait at the gate]?",
    "[The box|The parcel|The package|{The_item}] is [still|stuck] [at the depot|at the post office|at customs|in the wrong "
    "town|with the neighbours|on the van|in your warehouse].",
    "[I have been waiting for|I am still waiting for] {the_item} [for two weeks|since Monday|for days], it [left your "
    "warehouse|was sent] long ago.",
    "[I was at home all day|I waited all day] and [nobody rang|no courier came|no van came].",
    "[The website|The page|Your site] says [handed over|on its way|out today] but [nothing is here|my door stayed quiet|I have "
    "nothing].",
    "[We moved|I moved|I have moved] to {town}, please [bring|take] order {n} [there|to the new address].",
    "[It should have been here|You promised it for|It was due] [on Friday|last week|yesterday], where is it[ now|]?",
    "[The courier|The driver] [went to the wrong house|left it in the wrong street|gave it to a stranger].",
    "[Please ask|Please tell|Tell] [the driver|the courier|the van driver] to [ring twice|come in the evening|leave the box "
    "with the neighbour|call before coming].",
    "[The box|The parcel|The package] [went to|was left at|is still at] [the wrong address|the old address|another house|the "
    "depot].",
    "[Nobody|No courier|No driver|No van] [came|rang] [today|this morning|on Friday], and I [stayed|waited] at home for "
    "{the_item}.",
};
constexpr Text kShippingBack[] = {
    "[The parcel|My package|The delivery] [came|arrived] [on time|yesterday|quickly].",
    "[The driver|The courier] was [on time|quick] and [the box was fine|left the parcel with me].",
    "[Delivery|Shipping] [was fast|took two days], [as always|all good].",
};

constexpr Text kReturnsPlain[] = {
    "[I want|I need|I wish|We want|We have] to [return|send back|exchange|swap] {the_item}[, it is too small|, it is too "
    "large|, it is the wrong colour|, it is the wrong size|].",
    "[Did you get|Have you received|Has your shop received|Can you confirm] [my return|the return of {the_item}|what I sent "
    "back|the {item} I returned][ last week| on Monday| two weeks ago|]?",
    "[I want|I would like|I need|We want] to [return|send back] {the_item}.",
    "[How|Where] can I [return|send back] {the_item}?",
    "[Please|Could you|Can you] send me a return [label|form] for [{the_item}|order {n}].",
    "[I want to|I would like to|May I|Is it possible to] exchange {the_item} for [another one|a bigger one|a smaller one].",
    "{The_item} is [too small|too big|the wrong size|the wrong colour|not what I ordered], [I want to return it.|I am sending "
    "it back.|can I return it?]",
    "[How many days|How long] do I have to [return|send back] {the_item}?",
    "[I sent back|I returned] {the_item} [last week|on Monday|two weeks ago], [did you get it|has my return arrived]?",
    "[Can|May] I [return|exchange|send back] [an item|{a_item}|something] [without the box|after 30 days|that I have opened]?",
    "[I do not like|I am not happy with|I do not want to keep] {the_item}, [how do I send it back|may I return it|can I "
    "exchange it]?",
    "[I am sending|We are sending|I will send] {the_item} back [today|tomorrow|this week], [which address do I use|what label "
    "do I need|who pays for the return]?",
    "[Who pays for|What do I need for|How do I ask for] [the return|a return|an exchange] of {the_item}?",
    "[May|Can|Could] I swap {the_item} for [a bigger one|a smaller one|another colour|a new one]?",
};
constexpr Text kReturnsIndirect[] = {
    "{The_item} is [too small|too large|too short|too wide|too dark|too bright|not my size|not my colour], [please take it "
    "back|I will not keep it|it has to go back|can I give it back|may I swap it|I want another one|how do I get it back to "
    "you].",
    "[How|Where] do I [send|post|bring|mail] {the_item} [back|back to you|if I do not keep it|if I give it back]?",
    "{The_item} does not [fit|suit me|match my room], [I do not want to keep it.|please take it back.|can I swap it?]",
    "[I ordered|I bought|I chose] the wrong [size|colour|model], [can we swap it|how do I get the right one|how can I give it "
    "back]?",
    "[You sent me|I got|The box had] {the_item} [and not what I ordered|in the wrong colour|in the wrong size], [please swap "
    "it.|how do I give it back?]",
    "[My wife|My husband|My son|My mother] does not like {the_item}, [will you take it back|can it go back to you|can we swap "
    "it]?",
    "[Which|What] address do I [post it|send the box] to if I do not [keep|want to keep] {the_item}?",
    "{The_item} [is unused|is still in its box|was never used], [I would rather give it back|I want to hand it back|please "
    "take it back].",
    "[Will you take|Could you take|Can you take] {the_item} back, it is [unused|too small|too large|the wrong colour]?",
    "{The_item} [looks different|is not what I expected|is not my taste], [it can go back to you|I would rather give it "
    "back|please take it back].",
};
constexpr Text kReturnsBack[] = {
    "[The exchange|The return] of {the_item} [went well|is done].",
    "[I sent back|I returned] {the_item} [in May|last month] and [that went well|all is fine].",
    "[You took back|I gave back] {the_item} [without trouble|last year], [thanks|that was easy].",
};

constexpr Text kTechnicalPlain[] = {
    "{My_dev} [is broken|stopped|is dead|is frozen|is stuck|has no picture|has no sound|has no signal|loses the wifi|shows an "
    "error|cannot be updated|will not connect|restarts all the time|gets no power] [since yesterday|again|after the "
    "update|this morning|all of a sudden].",
    "[Please explain|Please tell me|I do not know|Can you tell me|I have no idea] how to [install|set "
    "up|connect|reset|restart|update|repair|switch off|charge] {the_dev}[ at home|].",
    "{The_dev} [does not turn on|does not work|does not start|stopped working|will not start].",
    "[The app|Your app|The program|The website] [crashes|freezes|stops|shows an error] [every time|when I start it|all the "
    "time].",
    "{The_dev} shows [error {k}|an error|error code {k}].",
    "[How|Can you help me, how] do I [install|set up|connect|reset|update] {the_dev}?",
    "[I cannot|I am not able to] connect {the_dev} to [the network|the wifi|my computer|the internet].",
    "[The screen of {my_dev}|The display of {my_dev}|{My_dev}] [stays black|stays dark|flickers|goes off].",
    "[After the update|Since the update|Since yesterday] {the_dev} [does not work|is very slow|makes a strange noise].",
    "[I need|We need] technical [help|support] with {the_dev}.",
    "[I get|I see|There is] [an error|error {k}|a strange message|an error message] on [the screen of {my_dev}|{the_dev}|the "
    "display].",
    "[Please tell|Tell|Show] me how to [update|restart|repair|switch on|reset|install] {the_dev}.",
    "How do I [update|restart|repair|switch on|reset|connect] {my_dev}[ to the network| again|]?",
    "[The update|The last update|Your update] of {the_dev} [fails|stops half way|does not start|breaks everything].",
    "{My_dev} [is broken|has a fault|keeps restarting|is very slow|freezes|shows an error][ since yesterday| again|][, what "
    "can I do?|, can you fix it?|.]",
};
constexpr Text kTechnicalIndirect[] = {
    "[When|Whenever|Each time] I [plug in|switch on|use|start] {the_dev}, [it beeps|it stays dark|it blinks red|nothing "
    "happens|it goes off|it gets hot|it smells burnt|a light flashes].",
    "I [press|push|pressed|pushed|hold down] [the button|the red button|the power key|every key] and {the_dev} "
    "[beeps|blinks|stays dead|does nothing|goes off].",
    "[When I press the button|When I plug it in|Whatever I press] {the_dev} [does nothing|only blinks|beeps three times|stays "
    "dead].",
    "{The_dev} [gets very hot|smells burnt|makes a loud noise|blinks red] [after ten minutes|when it runs|and then goes off].",
    "[I followed the manual|I read the manual twice|I tried another cable] but {the_dev} [will not start|still does "
    "nothing|finds no network].",
    "[Every time I open the page|As soon as I open the app|When I click on save] [everything freezes|the screen goes white|a "
    "strange message comes up].",
    "[The battery of {my_dev}|{My_dev}] [runs out in an hour|does not charge|goes off by itself].",
    "[The wifi|The connection|The sound] of {my_dev} [drops|breaks off|disappears] every [few minutes|hour|evening].",
    "[I press|I pushed|I have pressed] [the button|every button|the power button] and {the_dev} [does nothing|stays dark|only "
    "blinks|beeps].",
    "[There is|I hear|We hear] [a loud noise|a strange noise|a beep] [from|inside] {the_dev}[ when it runs| all day|].",
};
constexpr Text kTechnicalBack[] = {
    "{The_dev} works [well|very well|fine].",
    "[I set up|I installed] {the_dev} [myself|without help], [it runs well|all good].",
    "[The app|The update] works [well|without errors] [now|again].",
};

constexpr Text kAccountPlain[] = {
    "[My password|My login|My user name|My account|The login page|My profile|My sign-in] [is locked|is blocked|does not "
    "work|was refused|is not accepted|no longer works|says wrong password|has stopped working].",
    "[Please|Can you|Could you|I need you to|Kindly] [reset|change|check|unlock|confirm] my [password|login|account|user "
    "name|email address].",
    "[I forgot|I have forgotten|I lost] my [password|user name|login].",
    "[I cannot|I am not able to|Why can I not] log in to my account[| any more].",
    "[I want|I would like|I need] to change [the email address|the name|the phone number|the password] [of|in] my account.",
    "[Please|Could you|Can you] reset my password[|, please].",
    "[How|Where] do I change my [password|user name|email address|profile]?",
    "[The|Your] link to [reset my password|confirm my account] [does not come|has expired|never came].",
    "[I need|We need] a second [user|login] for our account.",
    "[I want|I would like] to [open an account|create an account|register][, how do I do that?|.]",
    "[How|Where] [do|can] I [delete my account|confirm my email|see my profile|add a user to our account|unlock my account]?",
    "My [password|login|user name] [does not work|is not accepted|was refused][ any more| today|].",
    "[Please|Kindly] [unlock|open|close|delete|check] my account[ today| now|].",
    "[I want|I would like|We want] to [add a second user|give my colleague a login|delete my profile|change my user name].",
};
constexpr Text kAccountIndirect[] = {
    "[I cannot|I could not|We cannot|My colleague cannot] [sign in|get in|get past the login|see the profile|confirm the "
    "email|open the user page] [today|any more|since Monday].",
    "I can no longer [sign in|get in|get past the login|see my profile|confirm my email|open my user page].",
    "[My profile|My user page|My page with you] [has|shows|still has|still shows] [an old phone number|an old email|the wrong "
    "name|the wrong birthday|my old address], [how do I change it|please correct it|can you correct that].",
    "[It says|The page says|I am told] that my [password|user name|login] is [wrong|unknown], [but I am sure it is right.|how "
    "do I get in?]",
    "[I got married|I married] and [my last name is new|I have a new last name], please [update my profile|change it in my "
    "profile].",
    "[I no longer have|I lost access to] my old [email address|mailbox|phone], how do I [sign in|get in] now?",
    "[Somebody|Someone|A stranger] [signed in|logged in] [as me|with my name], please [lock my profile|give me a new "
    "password].",
    "[The code|The six-digit code|The text message] for [signing in|the login] [never comes|comes too late].",
    "[My profile|My page with you] [has the wrong birthday|shows an old phone number|shows an old email], how do I "
    "[correct|change] it?",
    "[I typed my password wrong|I mistyped the login] three times and now [I am locked out|it is blocked].",
    "[I cannot get|I no longer get|I do not get] into [my profile|my page with you|my user area][ since yesterday| any more|].",
    "[The page|The website|It] [asks for|wants] a [code|password] [that I never got|that I do not have|that I have forgotten].",
};
constexpr Text kAccountBack[] = {
    "[My login|My password] works [again|fine].",
    "[I can log in|I could log in] [again|without trouble].",
    "[My account|My profile] is [set up|in order|up to date].",
};

constexpr Text kSalesPlain[] = {
    "[What|How much] [does|would|will] [{a_item}|a new {item}|one {item}|{a_dev}|a new {dev}] cost[ me| us|]?",
    "[What is|Tell me|I would like to know|Please tell me|Could you tell me] the price of [{a_item}|{k} {items}|{the_item}|one "
    "of your {items}].",
    "[I want|We want|I wish|We plan|I would like|We would like] to [buy|order|purchase] [{a_item}|{k} {items}|your "
    "{items}|{a_dev}].",
    "[I want|We want|I would like|We would like] to [buy|order] {k} {items}[, what is the price?|, do you have an offer?|.]",
    "[Do you|Does your shop] [have|sell] {items}?",
    "[Please|Could you|Can you] send [me|us] [an offer|a price list|a quote] for {k} {items}.",
    "[Is there|Do you give] a discount [for|on] {k} {items}?",
    "[I am interested in|We are interested in] [buying {a_item}|your {items}|a new {dev}], [can you advise me|which one is "
    "best|is it in stock]?",
    "[Which|What] [{dev}|model] do you recommend for [a small office|a family|a school]?",
    "[Can I|Could we] [get a demo|see a demo|try it first] before [I buy|we buy] {the_dev}?",
    "[Is {the_item}|Are {items}] [in stock|for sale|available]?",
    "[How much|What] [would|do] {k} {items} cost[ us|]?",
    "[Which|What] [colours|sizes|models] [do you have|are there|can I choose from] for {the_item}?",
    "[Do you still|Will you soon|Do you also] [sell|have] [{a_item}|{items}|a new {dev}]?",
    "[Can you|Could you] [suggest|recommend|sell] [me|us] {a_item} [for my office|under {p} euros|for a school]?",
};
constexpr Text kSalesIndirect[] = {
    "[My office|Our school|My shop|Our team|My family|Our hotel] [is looking for|would like|could use|might buy|is thinking of "
    "buying|wants a price for] [{k} {items}|{a_item}|{a_dev}].",
    "[Are|Will there be] [{items}|more {items}|the {items}|{k} {items}] [for sale|on sale|in stock|to be had] [this month|this "
    "year|in your shop|on your page]?",
    "[We are opening an office|We are furnishing a school|Our team is growing] and [need|will need] {k} {items}, what [can you "
    "offer|would that cost]?",
    "[I am looking for|I am thinking about] {a_item} [as a gift|for my mother|for the office], [what do you have|what would "
    "you suggest]?",
    "[What is the difference|How do I choose] between the [small|cheap] and the [large|expensive] {dev}[ before I buy one|]?",
    "[Would it be cheaper|Is it cheaper|Do we pay less] if we [take|buy|order] {k} [at once|together]?",
    "[Before I decide|Before I choose|Before we buy], [I would like to know the price of {the_item}|is {the_item} available in "
    "red|does {the_dev} come with a cable]?",
    "[Will you have|When will you have] {items} [in your shop|in stock] [again|this month]?",
    "[My budget is|I can spend|We can spend] {p} euros [for|on] {items}, [what do you suggest|what can I get|is that enough]?",
    "[I saw|We saw] {the_item} [in your window|on your page|in your catalogue], [what is the price|is it still available|do "
    "you have more of them]?",
};
constexpr Text kSalesBack[] = {
    "[I bought|We bought] {a_item} [from you|in your shop] [last year|in spring].",
    "[Your offer|The price list] for {items} [was clear|came quickly].",
    "[I like|We like] {the_item} [that I bought|we chose] [very much|a lot].",
};

constexpr Text kCancelPlain[] = {
    "[Please|Kindly|I want you to|I ask you to|We ask you to] [cancel|stop|end|terminate] my "
    "[order|subscription|contract|membership|plan|booking].",
    "[I want|I would like|I need|We want] to cancel [my order|order {n}|my subscription|my contract|our booking].",
    "[Please|Could you|Can you] cancel [order {n}|my order|my subscription|my contract|the order of {the_item}].",
    "[How|Where] can I cancel [my order|my subscription|my contract|my booking]?",
    "[I am cancelling|I cancel|We cancel] [my subscription|our contract|order {n}] [today|at the end of the month|now].",
    "[Cancel|Please stop] [my subscription|order {n}] [at once|today|now][, please|].",
    "[Is it still possible|Is it too late|Can I still ask you] to cancel [order {n}|the order for {the_item}]?",
    "[I want|I would like] to end my [subscription|contract|membership].",
    "[I no longer want|We no longer want|I do not want] [order {n}|{the_item}|my subscription], [please cancel it.|cancel it, "
    "please.|how can I cancel?]",
    "[How much notice|How many days] do I need to [cancel|end] [my contract|my subscription|the membership]?",
    "[Can|May] I [cancel|stop|end] [my subscription|the contract|the membership] [online|by email|this month|at any time]?",
    "[When|On which day] does [my subscription|my contract|the plan] end if I cancel [now|today|this week]?",
};
constexpr Text kCancelIndirect[] = {
    "[I|We] [no longer need|do not need|do not want|will not use] [my subscription|the subscription|the contract|order {n}|the "
    "booking|the membership][ any more| after this month|], [please end it|please stop it|please cancel it|do not renew it].",
    "[I have changed my mind|I no longer need it|We found another one], [please do not send {the_item}|please drop order "
    "{n}|forget order {n}].",
    "[I do not want|We do not want] to [renew|continue|go on with] [the subscription|the contract|my membership].",
    "[Please stop|Please end] [my monthly plan|the yearly plan|the subscription] [after this month|before it renews|as soon as "
    "possible].",
    "[I ordered|I booked] [by mistake|twice by mistake|too quickly], [please take order {n} off the list|please do not carry "
    "out order {n}].",
    "[We will not come|We cannot come|The trip is off], so [please drop our booking|our booking can go|take our booking off "
    "the list].",
    "[My plan ends|My contract ends] in [May|June|March|autumn] and [I do not wish to renew it|should not go on|I want it to "
    "stop there].",
    "[Do not send|Please do not send|No need to send] [{the_item}|order {n}], [I do not need it now|I found another one|it was "
    "a mistake].",
    "[Stop|Please stop] [everything|the order|order {n}], [we changed our mind|I ordered it by mistake|the trip is off|I do "
    "not need it].",
};
constexpr Text kCancelBack[] = {
    "[I cancelled|We cancelled] [another order|an old plan|my old contract] [last year|in May], [that is done|that went well].",
    "[The old subscription|My old booking] [was cancelled|has ended], [as agreed|all good].",
};

constexpr Text kComplaintPlain[] = {
    "[Your staff|Your employee|Your colleague|The man at your counter|The woman at your counter|Your manager|Your team] was "
    "[rude|very rude|impolite|unfriendly|disrespectful|unkind|awful] to [me|us|my wife|my mother|my father|my children].",
    "[I want|I would like|I wish] to [make a complaint|complain][ about your service| about your staff|].",
    "[Your employee|Your colleague|The woman on the phone|The man on the phone|Your staff] was [very "
    "rude|rude|unfriendly|impolite] to me.",
    "[I am|We are] [very unhappy|very disappointed|not satisfied|angry] with your [service|staff|company].",
    "[Your service|Your customer service|The service] is [terrible|very bad|a disgrace|awful].",
    "[This is|I call this] the worst service [I have ever had|of my life].",
    "[I want|I would like] to speak to [the manager|your boss] about [your staff|how I was treated|the bad service].",
    "[Nobody|No one] [in your company|at your office] [treats customers well|listens to customers|is polite], I am [angry|very "
    "disappointed].",
    "[I am writing to complain|I have to complain|I must complain] about [your staff|the man on the phone|the way I was "
    "treated|your customer service].",
    "[Your people|Your colleagues|Your employees] [in the shop|at the counter|on the phone] were [rude|very "
    "impolite|unfriendly|awful] to [me|us|my mother].",
    "[What|Such] a [terrible|rude|bad] [service|team|company][, I am angry|, I am very disappointed|].",
    "[Who|Which manager] can I speak to about [the rude woman on the phone|the man who shouted at me|such bad service]?",
};
constexpr Text kComplaintIndirect[] = {
    "[Your cashier|The assistant|The lady on the phone|The man on the phone|Your employee|The manager] [insulted|shouted "
    "at|laughed at|ignored|hung up on|did not listen to] [me|us|my wife|my mother|my son|my father].",
    "[Nobody|No customer|No one|No person] [should be|wants to be|has ever been|deserves to be] [treated|spoken to|received] "
    "[so badly|so rudely|like this|with so little respect].",
    "[The lady|The man|The person] [at the counter|on the phone|in your shop] [laughed at me|shouted at me|hung up on "
    "me|called me stupid].",
    "[I have never been treated|Nobody should be treated|My mother was treated] [like this|so badly|with so little respect][ "
    "by a company|].",
    "[Your colleague|Your employee|The assistant] [insulted me|was not polite|yawned while I spoke|had no respect], [I expect "
    "an apology|please speak to this person].",
    "[I expect|I demand|We expect] an apology [from your manager|from your company|for the way I was treated].",
    "[I waited an hour|I stood in line for an hour|I was on hold for an hour] and then [your staff ignored me|your colleague "
    "hung up|I was sent away], [what a disgrace|this is a shame].",
    "[I will tell everyone|I will warn my friends|I will write to the newspaper] how [badly|rudely] your [staff|team|people] "
    "[treat customers|behave].",
    "[She|He|The man|The woman|The assistant] [was rude|shouted|laughed|did not listen] when I asked [for help|a question|for "
    "the manager].",
    "[I feel|We feel|My mother feels] [insulted|ignored|badly treated] by [your team|your staff|the person on the phone].",
};
constexpr Text kComplaintBack[] = {
    "[Your staff|Your colleague on the phone|The team] was [very kind|friendly|polite].",
    "[I am happy|We are happy] with your [service|team].",
};

constexpr RouteWords kWords = {kInstructions,
                               kGreetings,
                               kSmallTalk,
                               kTurns,
                               kClosings,
                               {{{kBillingPlain, kBillingIndirect, kBillingBack},
                                 {kShippingPlain, kShippingIndirect, kShippingBack},
                                 {kReturnsPlain, kReturnsIndirect, kReturnsBack},
                                 {kTechnicalPlain, kTechnicalIndirect, kTechnicalBack},
                                 {kAccountPlain, kAccountIndirect, kAccountBack},
                                 {kSalesPlain, kSalesIndirect, kSalesBack},
                                 {kCancelPlain, kCancelIndirect, kCancelBack},
                                 {kComplaintPlain, kComplaintIndirect, kComplaintBack}}}};

}  // namespace

const RouteWords& english_route() { return kWords; }

}  // namespace sobre::office
