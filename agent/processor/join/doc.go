// Package join puts together what arrives in pieces: long lines that a container
// runtime cut, and events of several lines.
//
// Whether a line is the last of its event is known only when the next one
// comes, so that a Stage holds back the last event of each input. That is why
// it is a Sink in front of others and not a Processor: what it holds back it
// must be able to push later, when the next batch brings the event to its end,
// or when nothing has come for a while. The latter is the duty of Run.
//
// A ticket is released when the batch that it belongs to is safe. What is held
// back is not: the Stage holds the ticket of each batch of which a part waits,
// and lets go when the event was pushed and is safe. A sender that waits for an
// acknowledgement before it sends on therefore waits, after the last event it
// sent, for the time that events are held.
//
// If a push fails, the Stage is as it was before the batch: nothing of it was
// taken, as the contract of Sink says, and what waited waits on.
package join
