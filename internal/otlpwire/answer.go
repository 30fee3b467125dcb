package otlpwire

// PartialSuccess reads an Export…ServiceResponse: how many items were rejected,
// and what the receiver has to say. What cannot be read says nothing.
func PartialSuccess(body []byte) (rejected uint64, message string) {
	f := walk(body)
	for f.next() {
		if f.tag != 1<<3|bytesType {
			continue
		}
		for g := walk(f.bytes); g.next(); {
			switch g.tag {
			case 1<<3 | varintType:
				rejected = g.bits
			case 2<<3 | bytesType:
				message = string(Cut(g.bytes, maxMessage))
			}
		}
	}
	if int64(rejected) < 0 {
		rejected = 0
	}
	return rejected, message
}

// maxMessage bounds the texts of others in our log.
const maxMessage = 500

// StatusMessage reads the message of a google.rpc.Status, "" if there is none.
func StatusMessage(body []byte) (message string) {
	f := walk(body)
	for f.next() {
		if f.tag == 2<<3|bytesType {
			message = string(Cut(f.bytes, maxMessage))
		}
	}
	return message
}
