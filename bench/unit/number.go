package unit

import (
	"math"
	"strconv"
	"strings"
)

// Unknown is how a figure that is not known prints.
const Unknown = "-"

// Outside these magnitudes a number is printed with an exponent: a person no
// longer counts the zeros.
const (
	smallest = 1e-4
	largest  = 1e15
)

// Number formats a figure with three significant digits below 100 and as a
// whole number with commas above: "0.00123", "3.61", "27.2", "153", "1,530".
// Magnitudes below 1e-4 or from 1e15 on print as "1.23e-05".
func Number(v float64) string {
	if v == 0 {
		return "0"
	}
	if !plain(v) {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return fixed(v, decimals(v))
}

// Rounded has the four digits that a measurement is good for at most. What is no number stays so.
func Rounded(v float64) float64 {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64) // what was formatted can be parsed
	return v
}

// Count formats a whole number with commas between thousands: "1,024".
func Count(n int64) string { return group(strconv.FormatInt(n, 10)) }

// Counted formats a number of things: "1 node", "1,024 nodes".
func Counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

// Ratio formats a factor: "1.52x".
func Ratio(v float64) string { return Number(v) + "x" }

// Opt formats *p, or returns Unknown when p is nil.
func Opt[T any](p *T, format func(T) string) string {
	if p == nil {
		return Unknown
	}
	return format(*p)
}

// Column formats the figures of one table column with one number of decimals,
// so that right-aligned cells line up on the point: enough for the smallest
// figure to show three significant digits, but at most two more than the
// largest needs. A figure that would then read as zero, or that needs an
// exponent, is formatted as Number does. Nil is Unknown.
func Column(figures []*float64) []string {
	need, limit := 0, math.MaxInt
	for _, f := range figures {
		if f != nil && *f != 0 && plain(*f) {
			d := decimals(*f)
			need, limit = max(need, d), min(limit, d+2)
		}
	}
	places := min(need, limit)
	cells := make([]string, len(figures))
	for i, f := range figures {
		switch {
		case f == nil:
			cells[i] = Unknown
		case *f == 0:
			cells[i] = "0"
		case !plain(*f) || math.Abs(*f) < math.Pow10(-places):
			cells[i] = Number(*f)
		default:
			cells[i] = fixed(*f, places)
		}
	}
	return cells
}

// plain says whether a non-zero number prints without an exponent. NaN and
// the infinities do not, and so print under their own names.
func plain(v float64) bool {
	a := math.Abs(v)
	return a >= smallest && a < largest
}

// decimals is the number of decimals that shows three significant digits of a
// non-zero number after rounding: 9.996 is "10.0" and so needs one.
func decimals(v float64) int {
	_, exp, _ := strings.Cut(strconv.FormatFloat(v, 'e', 2, 64), "e")
	e, _ := strconv.Atoi(exp)
	return max(0, 2-e)
}

func fixed(v float64, decimals int) string {
	return group(strconv.FormatFloat(v, 'f', decimals, 64))
}

// group puts commas between the thousands of a decimal number's whole part.
func group(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	var b strings.Builder
	b.WriteString(sign)
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	if fraction != "" {
		b.WriteString("." + fraction)
	}
	return b.String()
}
