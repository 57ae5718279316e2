package reports

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/commbench/commbench/bench/record"
)

func writeCSV(w io.Writer, recs []record.Record, _ *Options) error {
	if err := validate(recs); err != nil {
		return err
	}
	var b bytes.Buffer
	c := csv.NewWriter(&b)
	c.UseCRLF = true
	var row []string
	for name := range new(record.Record).Leaves() {
		row = append(row, name)
	}
	if err := c.Write(row); err != nil {
		return err
	}
	for i := range recs {
		row = row[:0]
		for _, value := range recs[i].Leaves() {
			row = append(row, cell(value))
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return err
	}
	return flush(w, &b)
}

// cell is a leaf as JSON has it, but strings and times without quotes.
func cell(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case []string:
		return strings.Join(v, "; ")
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case []float64:
		samples := make([]string, len(v))
		for i := range v {
			samples[i] = exact(v[i])
		}
		return strings.Join(samples, ";")
	case float64:
		return exact(v)
	default: // bool and whole numbers
		return fmt.Sprint(v)
	}
}

// exact is every digit of a number, and an exponent only where JSON has one.
func exact(v float64) string {
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
