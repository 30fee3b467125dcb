package awsapi

import (
	"net"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// isLoopback reports whether a base URL can only mean this machine.
func isLoopback(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func sandboxCredentials() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider("SANDBOX", "sandbox", "")
}
