package main

// matches reports whether s has the form of a pattern: * is any string, ? any
// byte, [a-c] and [^abc] one of a set, and a backslash takes the next byte as it
// is.
//
// Only the last star is ever given more of s: what an earlier one could do, the
// last one can. So the time is the product of the lengths and not exponential, for
// "a*a*a*a*b" too.
func matches(pattern []byte, s string) bool {
	p, at := 0, 0
	star, from := -1, 0 // the pattern behind the last star, and what that has left of s
	for at < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			star, from = p, at
			continue
		}
		if p < len(pattern) {
			if next, ok := matchByte(pattern, p, s[at]); ok {
				p = next
				at++
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		p, at = star, from
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchByte matches a byte with the element of the pattern at p, which is no star,
// and tells where the next one begins.
func matchByte(pattern []byte, p int, b byte) (next int, ok bool) {
	switch c := pattern[p]; {
	case c == '?':
		return p + 1, true
	case c == '[':
		return matchSet(pattern, p+1, b)
	case c == '\\' && p+1 < len(pattern):
		return p + 2, pattern[p+1] == b
	default:
		return p + 1, c == b
	}
}

// matchSet matches a byte with the set that begins at p. One without an end goes
// to the end of the pattern.
func matchSet(pattern []byte, p int, b byte) (next int, ok bool) {
	not := p < len(pattern) && pattern[p] == '^'
	if not {
		p++
	}
	for p < len(pattern) && pattern[p] != ']' {
		switch {
		case pattern[p] == '\\' && p+1 < len(pattern):
			ok = ok || pattern[p+1] == b
			p += 2
		case p+2 < len(pattern) && pattern[p+1] == '-':
			low, high := min(pattern[p], pattern[p+2]), max(pattern[p], pattern[p+2])
			ok = ok || low <= b && b <= high
			p += 3
		default:
			ok = ok || pattern[p] == b
			p++
		}
	}
	return min(p+1, len(pattern)), ok != not
}
