package xray

import "net/http"

// NewProxy is the sampling proxy without its listener.
func NewProxy(up Upstream) http.Handler { return newProxy(up) }

// Document is what a datagram is read with.
var Document = document
