package main

import (
	"net/http"
	"net/url"
	"strings"
)

// sameOrigin reports whether the page that asks came from this server. Browsers
// let every page connect to every WebSocket, and send the page's origin along: so
// it is the server that has to look, or any page that somebody in the room
// visits could speak as them. Other programs send none, and could write
// anything there.
func sameOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	return err == nil && len(origins) == 1 && strings.EqualFold(u.Host, r.Host)
}
