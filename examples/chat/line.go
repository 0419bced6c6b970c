package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// maxLine is the longest line, in bytes, without its end.
const maxLine = 1024

// maxNick is the longest nick, in letters.
const maxNick = 20

// refusal is a line that is not taken, and why. The client may go on.
type refusal string

func (r refusal) Error() string { return string(r) }

// readLine reads a line and returns it without its end. A last line without one
// counts. Errors: a refusal, after which the next line can be read; io.EOF;
// those of the connection.
//
// lines holds maxLine bytes and a line's end: what does not fit is too long.
func readLine(lines *bufio.Reader) (string, error) {
	line, err := lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = lines.ReadSlice('\n')
		}
		if err != nil && err != io.EOF {
			return "", err
		}
		return "", tooLong()
	}
	if err != nil && (err != io.EOF || len(line) == 0) {
		return "", err
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	switch {
	case len(line) > maxLine:
		return "", tooLong()
	case !utf8.Valid(line):
		return "", refusal("line refused: not valid UTF-8")
	case bytes.ContainsFunc(line, isControl):
		return "", refusal("line refused: control characters")
	}
	return string(line), nil
}

func tooLong() refusal {
	return refusal(fmt.Sprintf("line refused: over %d bytes", maxLine))
}

// isControl reports characters that could play tricks on others' terminals.
func isControl(r rune) bool { return unicode.IsControl(r) && r != '\t' }

func checkNick(nick string) error {
	if n := utf8.RuneCountInString(nick); n == 0 || n > maxNick {
		return fmt.Errorf("a nick has 1 to %d letters", maxNick)
	}
	for _, r := range nick {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' {
			return errors.New("a nick consists of letters, digits, - and _")
		}
	}
	return nil
}
