package main

import (
	"encoding/json"

	"github.com/gobwas/ws"
)

// event is what members of the room are told, each a text message.
//
//	{"kind":"hello","name":"ann","here":["bob","ann"]}   you are in, as ann
//	{"kind":"said","name":"ann","text":"hello","n":17}   n counts what was said
//	{"kind":"joined","name":"cat"}
//	{"kind":"left","name":"cat"}
//	{"kind":"lagged","lost":4}    you were too slow for the four before this one
type event struct {
	Kind   string   `json:"kind"`
	Name   string   `json:"name,omitempty"`
	Text   string   `json:"text,omitempty"`
	Number int      `json:"n,omitempty"`
	Here   []string `json:"here,omitempty"`
	Lost   uint64   `json:"lost,omitempty"`
}

// frame is the event as it is sent. A server's frames are not masked, so everyone
// gets the same bytes.
func (e event) frame() ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return ws.CompileFrame(ws.NewTextFrame(text))
}
