package insights

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
)

// codingFunctions turn text into other spellings of it. What cannot be decoded
// is missing.
func codingFunctions() map[string]function {
	return map[string]function{
		"urlencode":    ofText(1, urlEncode),
		"urldecode":    ofText(1, urlDecode),
		"base64encode": ofText(1, base64Encode),
		"base64decode": ofText(1, base64Decode),
		"hextoascii":   ofText(1, hexToASCII),
		"hextodec":     ofText(1, hexToDec),
		"dectohex":     {1, 1, decToHex, nil},
		"md5": ofText(1, func(_ *env, a [][]byte) value {
			sum := md5.Sum(a[0])
			return textValue(hex.AppendEncode(nil, sum[:]))
		}),
		"sha256": ofText(1, func(_ *env, a [][]byte) value {
			sum := sha256.Sum256(a[0])
			return textValue(hex.AppendEncode(nil, sum[:]))
		}),
	}
}

// urlEncode encodes everything but unreserved characters; a space is %20.
func urlEncode(_ *env, a [][]byte) value {
	return textValue([]byte(strings.ReplaceAll(url.QueryEscape(string(a[0])), "+", "%20")))
}

func urlDecode(_ *env, a [][]byte) value {
	s, err := url.PathUnescape(string(a[0]))
	if err != nil {
		return value{}
	}
	return textValue([]byte(s))
}

func base64Encode(_ *env, a [][]byte) value {
	return textValue(base64.StdEncoding.AppendEncode(nil, a[0]))
}

func base64Decode(_ *env, a [][]byte) value {
	b, err := base64.StdEncoding.AppendDecode(nil, a[0])
	if err != nil {
		return value{}
	}
	return textValue(b)
}

func hexToASCII(_ *env, a [][]byte) value {
	b, err := hex.AppendDecode(nil, a[0])
	if err != nil {
		return value{}
	}
	return textValue(b)
}

func hexToDec(_ *env, a [][]byte) value {
	digits := strings.TrimPrefix(strings.ToLower(string(a[0])), "0x")
	n, err := strconv.ParseInt(digits, 16, 64)
	if err != nil {
		return value{}
	}
	return numberValue(float64(n))
}

func decToHex(e *env, args []expr) value {
	n, ok := args[0](e).number()
	if !ok || n < 0 || n >= 1<<63 {
		return value{}
	}
	return textValue(strconv.AppendInt(nil, int64(n), 16))
}
