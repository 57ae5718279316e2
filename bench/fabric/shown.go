package fabric

import "regexp"

// addressed are names that udev makes of addresses: of MACs, and of GUIDs.
var addressed = regexp.MustCompile(`\b(enx|wlx|rocex|ibx|ibsx)[0-9a-f]{12,16}\b`)

// Shown is a text about interfaces as it may be passed on: without the addresses that some
// names are made of.
func Shown(text string) string { return addressed.ReplaceAllString(text, "${1}*") }
