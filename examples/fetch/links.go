package main

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func isHTML(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (kind == "text/html" || kind == "application/xhtml+xml")
}

// links are the targets of a page's links, as far as they are pages of the web. The
// order is the page's.
func links(r io.Reader, base *url.URL) (found []*url.URL, err error) {
	for z := html.NewTokenizer(r); ; {
		switch z.Next() {
		case html.ErrorToken:
			if err := z.Err(); !errors.Is(err, io.EOF) {
				return found, err
			}
			return found, nil
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			if token.DataAtom != atom.A && token.DataAtom != atom.Base {
				continue
			}
			for _, a := range token.Attr {
				if a.Key != "href" {
					continue
				}
				target, err := base.Parse(a.Val)
				switch {
				case err != nil || !isPage(target):
				case token.DataAtom == atom.Base:
					base = target
				default:
					found = append(found, target)
				}
			}
		}
	}
}
