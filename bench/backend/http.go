package backend

import "bytes"

// httpBody is the body of every answer of the workload HTTP.
var httpBody = bytes.Repeat([]byte("0123456789abcdef"), 4)

// httpAnswer is the whole answer of backends that have no HTTP library: they look
// for the end of a request's head and nothing else, as a floor for the others.
var httpAnswer = append([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n\r\n"), httpBody...)

var endOfHead = []byte("\r\n\r\n")

// countRequests returns how many heads end in data, and how many bytes they are.
func countRequests(data []byte) (requests, consumed int) {
	for {
		i := bytes.Index(data[consumed:], endOfHead)
		if i < 0 {
			return requests, consumed
		}
		requests++
		consumed += i + len(endOfHead)
	}
}
