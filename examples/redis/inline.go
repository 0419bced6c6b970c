package main

import "bytes"

// inline parses a request that is a line of words, for people with nc. Quotes
// keep spaces in a word:
//
//	SET greeting "hello,\tworld\x21" EX 10
//	SET other 'it\'s'
//
// Without a whole line it is nil, and p.at where it was.
func (p *parser) inline() ([][]byte, error) {
	rest := p.buf[p.at:]
	end := bytes.IndexByte(rest[:min(len(rest), maxInline+1)], '\n')
	if end < 0 {
		if len(rest) > maxInline {
			return nil, protocolError("too big inline request")
		}
		return nil, nil
	}
	p.at += end + 1
	words, ok := splitWords(p.words[:0], rest[:end])
	if !ok {
		return nil, protocolError("unbalanced quotes in request")
	}
	p.words = words
	if cap(p.words) > keptArguments {
		p.words = nil
	}
	return words, nil
}

// splitWords appends the words of a line, and reports whether the quotes are
// balanced. The words take the place of the line: without its quotes and escapes
// it is no longer than before.
func splitWords(words [][]byte, line []byte) (_ [][]byte, ok bool) {
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return words, true
		}
		begin, end, quote := i, i, byte(0) // the word is line[begin:end]
		for ; i < len(line) && (quote != 0 || !isSpace(line[i])); i++ {
			b := line[i]
			switch {
			case quote == 0 && (b == '"' || b == '\''):
				quote = b
				continue
			case b == quote && quote != 0:
				if i+1 < len(line) && !isSpace(line[i+1]) {
					return words, false // nothing may follow it
				}
				quote = 0
				continue
			case quote == '"' && b == '\\' && i+1 < len(line):
				var escape int
				b, escape = unescape(line[i+1:])
				i += escape
			case quote == '\'' && b == '\\' && i+1 < len(line) && line[i+1] == '\'':
				b = '\''
				i++
			}
			line[end] = b
			end++
		}
		if quote != 0 {
			return words, false
		}
		words = append(words, line[begin:end:end])
	}
}

// unescape is the character that a backslash and s stand for, and how many bytes
// of s that takes.
func unescape(s []byte) (b byte, n int) {
	if s[0] == 'x' && len(s) > 2 {
		if high, low := hexDigit(s[1]), hexDigit(s[2]); high >= 0 && low >= 0 {
			return byte(high<<4 | low), 3
		}
	}
	switch s[0] {
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'b':
		return '\b', 1
	case 'a':
		return '\a', 1
	}
	return s[0], 1
}

func hexDigit(b byte) int { return bytes.IndexByte([]byte("0123456789abcdef"), b|0x20) }

func isSpace(b byte) bool { return b == ' ' || '\t' <= b && b <= '\r' }
