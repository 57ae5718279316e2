package routing

import (
	"encoding/json"
	"errors"
	"strings"
)

// Package encoding/json says whether a text is JSON, and where it is not. What
// is inside is then walked by hand, which is easy on a text known to be valid,
// and gives the byte at which each value begins: an error can point there.

// jsonFault is where a text stops to be JSON, and why; ok where it is JSON.
func jsonFault(data []byte) (at int, problem string, ok bool) {
	if json.Valid(data) {
		return 0, "", true
	}
	var ignored json.RawMessage
	err := json.Unmarshal(data, &ignored)
	syntax := (*json.SyntaxError)(nil)
	if !errors.As(err, &syntax) {
		return 0, "not JSON", false
	}
	// Offset counts the bytes read when the error was seen, the wrong one too.
	at = int(syntax.Offset) - 1
	if strings.Contains(syntax.Error(), "unexpected end") {
		at = len(data)
	}
	return max(0, at), syntax.Error(), false
}

// jsonMembers calls visit for each member of the valid JSON object, with its key
// as written, quotes included, and the offset of its value.
func jsonMembers(object []byte, visit func(key, value []byte, at int) error) error {
	at := jsonGap(object, 1)
	for object[at] != '}' {
		end := jsonEnd(object, at)
		key := object[at:end]
		at = jsonGap(object, end)
		end = jsonEnd(object, at)
		if err := visit(key, object[at:end], at); err != nil {
			return err
		}
		at = jsonGap(object, end)
	}
	return nil
}

// jsonElements calls visit for each element of the valid JSON array, with its
// index and offset.
func jsonElements(array []byte, visit func(i int, value []byte, at int) error) error {
	at := jsonGap(array, 1)
	for i := 0; array[at] != ']'; i++ {
		end := jsonEnd(array, at)
		if err := visit(i, array[at:end], at); err != nil {
			return err
		}
		at = jsonGap(array, end)
	}
	return nil
}

// jsonGap is the offset of the first byte from at on that is part of a value or
// a closing bracket.
func jsonGap(data []byte, at int) int {
	for at < len(data) && strings.IndexByte(" \t\r\n,:", data[at]) >= 0 {
		at++
	}
	return at
}

// jsonEnd is the offset after the value that starts at start.
func jsonEnd(data []byte, start int) int {
	depth := 0
	for at := start; at < len(data); at++ {
		switch data[at] {
		case '"':
			for at++; data[at] != '"'; at++ {
				if data[at] == '\\' {
					at++
				}
			}
			if depth == 0 {
				return at + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
			if depth < 0 { // the bracket around a number, true, false or null
				return at
			}
		case ' ', '\t', '\r', '\n', ',', ':':
			if depth == 0 {
				return at
			}
		}
	}
	return len(data)
}
