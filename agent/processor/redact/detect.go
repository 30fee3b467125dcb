package redact

import "bytes"

// detector returns the detector called name.
func detector(name string) (finder, bool) {
	f := finder{label: name}
	switch name {
	case "email":
		f.find = findEmail
	case "card":
		f.find = findCard
	case "aws_key":
		f.find = findAWSKey
	case "jwt":
		f.find = findJWT
	case "bearer":
		f.find = findBearer
	default:
		return finder{}, false
	}
	return f, true
}

func digit(c byte) bool  { return c >= '0' && c <= '9' }
func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func alnum(c byte) bool  { return digit(c) || letter(c) }

// run returns the end of the bytes from i on that are in.
func run(b []byte, i int, in func(byte) bool) int {
	for i < len(b) && in(b[i]) {
		i++
	}
	return i
}

// findEmail finds an address: a local part of the usual characters, an at sign,
// and a domain with a dot and a last label of letters.
func findEmail(b []byte, i int) (int, int) {
	for at := i; at < len(b); at++ {
		n := bytes.IndexByte(b[at:], '@')
		if n < 0 {
			break
		}
		at += n
		start := at
		for start > i && local(b[start-1]) {
			start--
		}
		for start < at && b[start] == '.' {
			start++
		}
		end := run(b, at+1, domain)
		for end > at+1 && !alnum(b[end-1]) {
			end--
		}
		dot := bytes.LastIndexByte(b[at+1:end], '.')
		if start == at || dot <= 0 {
			continue
		}
		top := b[at+1+dot+1 : end]
		if len(top) >= 2 && run(top, 0, letter) == len(top) {
			return start, end
		}
	}
	return -1, -1
}

func local(c byte) bool  { return alnum(c) || bytes.IndexByte([]byte("._%+-"), c) >= 0 }
func domain(c byte) bool { return alnum(c) || c == '.' || c == '-' }

// findCard finds the number of a payment card: 13 to 19 digits, perhaps with
// single spaces or dashes between, that begin as issuers' do (ISO/IEC 7812: 2
// to 6) and end in the check digit of Luhn's formula.
func findCard(b []byte, i int) (int, int) {
	for i < len(b) {
		if !digit(b[i]) {
			i++
			continue
		}
		end, digits := i, 0
		for end < len(b) {
			if digit(b[end]) {
				digits++
			} else if b[end] != ' ' && b[end] != '-' || end+1 == len(b) || !digit(b[end+1]) {
				break
			}
			end++
		}
		bounded := (i == 0 || !alnum(b[i-1]) && b[i-1] != '.') && (end == len(b) || !alnum(b[end]))
		if bounded && digits >= 13 && digits <= 19 && b[i] >= '2' && b[i] <= '6' && luhn(b[i:end]) {
			return i, end
		}
		i = end
	}
	return -1, -1
}

// luhn reports whether the digits of b have a valid check digit (ISO/IEC
// 7812-1, annex B).
func luhn(b []byte) bool {
	sum, double := 0, false
	for i := len(b) - 1; i >= 0; i-- {
		if !digit(b[i]) {
			continue
		}
		d := int(b[i] - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		double = !double
	}
	return sum%10 == 0
}

// findAWSKey finds access key ids, by their prefixes (IAM, "Unique
// identifiers"), and secret access keys, which are 40 characters behind the
// word secret.
func findAWSKey(b []byte, i int) (int, int) {
	for i < len(b) {
		if !keyChar(b[i]) {
			i++
			continue
		}
		end := run(b, i, keyChar)
		if isKeyID(b[i:end]) || end-i == 40 && isSecret(b, i, end) {
			return i, end
		}
		i = end
	}
	return -1, -1
}

func keyChar(c byte) bool { return alnum(c) || c == '+' || c == '/' }

func isKeyID(w []byte) bool {
	if len(w) != 20 || string(w[:4]) != "AKIA" && string(w[:4]) != "ASIA" && string(w[:4]) != "AIDA" && string(w[:4]) != "AROA" {
		return false
	}
	return run(w, 0, func(c byte) bool { return digit(c) || c >= 'A' && c <= 'Z' }) == len(w)
}

func isSecret(b []byte, start, end int) bool {
	before := b[max(0, start-48):start]
	if !bytes.Contains(before, []byte("ecret")) && !bytes.Contains(before, []byte("ECRET")) {
		return false
	}
	var low, up, num bool
	for _, c := range b[start:end] {
		low, up, num = low || c >= 'a' && c <= 'z', up || c >= 'A' && c <= 'Z', num || digit(c)
	}
	return low && up && num
}

// findJWT finds a token of RFC 7519: three parts in base64url, of which the
// first two are JSON objects and so begin with "eyJ".
func findJWT(b []byte, i int) (int, int) {
	for i < len(b) {
		n := bytes.Index(b[i:], []byte("eyJ"))
		if n < 0 {
			break
		}
		start := i + n
		i = start + 3
		if start > 0 && base64url(b[start-1]) {
			continue
		}
		head := run(b, start, base64url)
		if head == len(b) || b[head] != '.' || !bytes.HasPrefix(b[head+1:], []byte("eyJ")) {
			continue
		}
		claims := run(b, head+1, base64url)
		if claims == len(b) || b[claims] != '.' {
			continue
		}
		return start, run(b, claims+1, base64url)
	}
	return -1, -1
}

func base64url(c byte) bool { return alnum(c) || c == '-' || c == '_' }

// findBearer finds the token behind the word Bearer (RFC 6750, section 2.1).
func findBearer(b []byte, i int) (int, int) {
	for i < len(b) {
		n := bytes.Index(b[i:], []byte("earer "))
		if n < 0 {
			break
		}
		word := i + n
		i = word + len("earer ")
		if word == 0 || b[word-1] != 'B' && b[word-1] != 'b' || word > 1 && alnum(b[word-2]) {
			continue
		}
		end := run(b, i, token68)
		for end < len(b) && b[end] == '=' {
			end++
		}
		if end-i >= 8 {
			return i, end
		}
	}
	return -1, -1
}

func token68(c byte) bool { return alnum(c) || bytes.IndexByte([]byte("-._~+/"), c) >= 0 }
