#include "task/office_extract.h"

namespace sobre::office {

namespace {

using Text = std::string_view;

constexpr Text kOrderInstructions[] = {
    "[Extract|Read out|Pull out|Find] the order as JSON with {keys}: {text}",
    "[Order|Message|Text|Email]: {text}\n[Give|Write|Return] {keys} as JSON[.|]",
    "{text}\n[Turn|Put|Write] this order [into|as] JSON with {keys}[.|]",
    "[Read|Take down|Note] this order [as JSON |in JSON |]({keys}): {text}",
    "[JSON|JSON order] ({keys}) [of|for|from]: {text}",
    "[What|Which order] does the customer [want|order|place]? [Answer as|Give] JSON: {keys}. {text}",
    "[Please|Kindly] [extract|give|list] {keys} [as JSON|in JSON] from [this order|the order|this text]: {text}",
};
constexpr Text kAppointmentInstructions[] = {
    "[Extract|Read out|Pull out|Find] the appointment as JSON with {keys}: {text}",
    "[Appointment|Message|Text|Email]: {text}\n[Give|Write|Return] {keys} as JSON[.|]",
    "{text}\n[Turn|Put|Write] this appointment [into|as] JSON with {keys}[.|]",
    "[Read|Take down|Note] this appointment [as JSON |in JSON |]({keys}): {text}",
    "[JSON|JSON appointment] ({keys}) [of|for|from]: {text}",
    "[What|Which appointment] does the person [want|ask for|need]? [Answer as|Give] JSON: {keys}. {text}",
    "[Please|Kindly] [extract|give|list] {keys} [as JSON|in JSON] from [this request|the request|this text]: {text}",
};
constexpr Text kPhone[] = {
    "[My phone number is|My number is|Phone:|You can reach me at|Call me at|Please call me on|Tel.] {phone}.",
    "[If anything is unclear|For questions|If needed|In case of doubt][,|] [call|ring|phone] {phone}.",
    "[I can be reached|You can call me] [at|on|under] {phone}[ in the evening| all day|].",
};
constexpr Text kDistractors[] = {
    "[I have been|We have been] a customer [of yours |]for [years|a long time|a while].",
    "[My colleague|My friend|My neighbour|My boss] {other} [told me about you|recommended you|says hello|knows you well].",
    "[My last reference was|The old file number was|My customer number is|The last invoice was] {number}.",
    "[I hope|We hope] [this is possible|that works for you|all is well|you can help].",
    "[It is|This is] [my first time|quite important|not urgent|a bit urgent][ for me|].",
    "[I saw|I found] your [advert|page|shop|office] [last month|yesterday|by chance|in the paper].",
};
constexpr Text kIntro[] = {
    "[My name is|I am|This is|I'm] {name}.",
    "[Hello|Hi|Good morning|Good afternoon], [I am|this is|my name is|I'm] {name}.",
    "[Here is|This is|It's] {name}[ again| writing| speaking|].",
    "[Customer|Name|From|Sender]: {name}.",
    "{name} [here|writing|speaking][.|, good morning.|, hello.]",
};
constexpr Text kShortOrder[] = {
    "[Hello, |Hi, |]my name is {name} and I [want|need|would like|am ordering] {quantity} {item}[, please|].",
    "{name} [orders|wants|needs|would like|has ordered|asks for] {quantity} {item}[ today| again|].",
    "[Please send|Please ship|Please deliver|Please reserve] {quantity} {item} [to|for] {name}[. Thank you|].",
    "[I am|This is|I'm] {name}. [I need|I want|I'd like|Please send me|I order|Can I have] {quantity} {item}[, please|].",
    "[Order|New order|Today's order]: {quantity} {item} for {name}[, thanks|].",
    "[We need|I need|I'd like|I want to order|Can I get] {quantity} {item}. [The name is|My name is|It is for|Please book it "
    "for] {name}.",
    "{quantity} {item}[ please| for me, please|, as agreed]. [Regards|Best regards|Thanks|Greetings], {name}",
};
constexpr Text kOrder[] = {
    "[I need|I want|I'd like|I would like|Please send me|I order|Can I have|We need] {quantity} {item}[, please|].",
    "[I want|I would like|We wish|I'd like] to [order|buy|get] {quantity} {item}[ from you|].",
    "[Please|Could you|Can you] [send|ship|reserve|prepare] {quantity} {item}[ for me| for us|].",
    "[My order is|The order is|I am ordering|We are ordering|We have decided on] {quantity} {item}.",
};
constexpr Text kCorrected[] = {
    "[I need|I want|I'd like|Please send me|Can I have] {quantity0} {item}[, no,| - no,|, sorry,] [make it|make that|I mean] "
    "{quantity}.",
    "[I want|I would like|I'd like] to order {quantity0} {item}. [Sorry|Oh|Wait|No], [I meant|it must be|make that|we need] "
    "{quantity}.",
    "[Please|Could you] [send|prepare] {quantity0} {item}[...|. Correction:|. No, wait:|, or rather] {quantity}[, please|].",
    "[First I said|Yesterday I asked for|I had written] {quantity0} {item}, but [now I need|please make it|I want] {quantity}.",
};
constexpr Text kDate[] = {
    "[I need it|We need it|Please deliver|It should arrive|Delivery] [on|by] {date}[, please|].",
    "[Can you|Could you] [deliver|bring it|send it] [on|by] {date}?",
    "[The day of delivery is|The delivery date is|Delivery date:|The date is] {date}.",
    "[We are there|I am at home|Somebody is here] on {date}[ for the delivery|].",
};
constexpr Text kCorrectedDate[] = {
    "[I need it|Please deliver|It should arrive] [on|by] {date0}, [no,|sorry,|I mean] [on|by] {date}.",
    "[Not on|Please not on] {date0}[,|] but on {date}[, please|].",
    "[The delivery date was|We had said|I first said] {date0}, [now it is|please change it to|but it must be] {date}.",
};
constexpr Text kCity[] = {
    "[Please send it|Send it|Deliver it|It goes|Ship it] to {city}[, please|].",
    "[I live in|We are in|Our office is in|My shop is in|The house is in] {city}.",
    "[The address is in|Delivery to|City:|Town:|The place is] {city}.",
    "[It must come|The parcel goes|Everything goes] to {city}[, not to the old address|].",
};
constexpr Text kShortRequest[] = {
    "[Hello, |Hi, |]my name is {name} and I [want|need|would like] an appointment on {date} at {time}[, please|].",
    "{name} [wants|needs|would like|asks for|booked] an appointment on {date} at {time}.",
    "[Please book|Please note|Please reserve|Put down] {name} [for|on] {date} at {time}[, thank you|].",
    "[I am|This is|I'm] {name}. [Can I come|May I come|I would like to come|Is it free] on {date} at {time}?",
    "[Appointment|New appointment|Visit]: {name}, {date}, {time}.",
    "[I can come|I will come|I'd like to come|Can I visit you] on {date} at {time}[.|, please.] [Regards|My name is|Thanks|The "
    "name is] {name}.",
    "[At|The time is] {time} on {date}[, please.|, if possible.|.] [For|The name is|It is for] {name}.",
};
constexpr Text kRequest[] = {
    "[I need|I want|I'd like|I would like|Please give me|We need] an appointment on {date} at {time}[, please|].",
    "[Can I come|May I come|Is it free|Can we meet|Could we meet] on {date} at {time}?",
    "[Let us meet|Please book me|I will come|Put me down] on {date} at {time}[, please|].",
    "[The best day for me is|I am free on|It suits me on] {date}, at {time}.",
};
constexpr Text kCorrectedTime[] = {
    "[I need|I want|I'd like] an appointment on {date} at {time0}[, no,| - no,|, sorry,] [at|make it|I mean] {time}.",
    "[Can I come|Can we meet|Is it free] on {date} at {time0}? [Sorry|No|Wait], [I meant|at|make that] {time}.",
    "[We had said|I had booked|It was planned for] {date} at {time0}, but [I can only come at|please make it|it must be at] "
    "{time}.",
    "[On {date}, not at {time0} but at {time}|On {date} at {time}, not at {time0}][, please|].",
};
constexpr Text kPlace[] = {
    "[I would come to|I will be in|The meeting is in|Please meet me in|It should be in|We meet in] {place}.",
    "[The place is|Place:|Where:|Your office in|The branch in] {place}[, please|].",
    "[It is best for me|It suits me best|I prefer to meet] in {place}.",
};
constexpr Text kWith[] = {
    "[I want to see|I would like to speak to|I need to talk to|The meeting is with|It is with|I want to meet] {with}.",
    "[I would like it with|Please book it with|If possible with|Please with] {with}[, please|].",
    "[I was told to ask for|The right person is|I spoke before with] {with}, [and want to see nobody else|so please with the "
    "same person|so with this person please].",
};
constexpr ExtractWords kWords = {kOrderInstructions,
                                 kAppointmentInstructions,
                                 kPhone,
                                 kDistractors,
                                 {kIntro, kShortOrder, kOrder, kCorrected, kDate, kCorrectedDate, kCity},
                                 {kShortRequest, kRequest, kCorrectedTime, kPlace, kWith}};

}  // namespace

const ExtractWords& english_extract() { return kWords; }

}  // namespace sobre::office
