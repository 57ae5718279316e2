package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

var (
	// ErrSchema: a record names a schema that this program does not know.
	ErrSchema = errors.New("unknown schema")
	// ErrTooLarge: the input is longer than MaxInput.
	ErrTooLarge = errors.New("input is too large")
)

// MaxInput bounds what Read takes, in bytes, so that a wrong file is an error
// and not a full memory. It holds some ten thousand records with 1,000 samples.
const MaxInput = 128 << 20

// WriteJSON writes the records as one JSON document, an indented array, in one
// call to w.Write. Nothing is written if a record is not valid.
func WriteJSON(w io.Writer, recs []Record) error {
	ready := make([]Record, len(recs))
	for i := range recs {
		var err error
		if ready[i], err = prepare(i, recs[i]); err != nil {
			return err
		}
	}
	return encode(w, ready, "  ")
}

// WriteJSONL writes the records one a line, each in one call to w.Write, so
// that a reader of a growing file sees whole lines. It stops at the first
// record that is not valid.
func WriteJSONL(w io.Writer, recs []Record) error {
	for i := range recs {
		r, err := prepare(i, recs[i])
		if err != nil {
			return err
		}
		if err := encode(w, r, ""); err != nil {
			return err
		}
	}
	return nil
}

// prepare is the record as it is written: valid, in UTC, with empty lists
// where there is nothing to say. Only samples_us may be null: a null list of
// warnings would mean that they are unknown.
func prepare(i int, r Record) (Record, error) {
	if err := r.Validate(); err != nil {
		return r, fmt.Errorf("record %d: %w", i, err)
	}
	r.Time = r.Time.UTC()
	if r.Warnings == nil {
		r.Warnings = []string{}
	}
	if r.Notes == nil {
		r.Notes = []string{}
	}
	return r, nil
}

func encode(w io.Writer, v any, indent string) error {
	enc := json.NewEncoder(w) // collects the value, then writes once
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	return enc.Encode(v)
}

// Read reads records that WriteJSON or WriteJSONL wrote: an array of records,
// or records one after another. Every record is validated; fields that are not
// known are ignored. An error starts with name and the line; it is ErrTooLarge,
// ErrSchema, ErrInvalid, what r returned, or one of JSON's.
func Read(r io.Reader, name string) ([]Record, error) { return read(r, name, MaxInput) }

func read(r io.Reader, name string, limit int64) ([]Record, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: %w: more than %d bytes", name, ErrTooLarge, limit)
	}
	recs, offset, err := decodeAll(data)
	if err != nil {
		line := 1 + bytes.Count(data[:min(offset, len(data))], []byte("\n"))
		return nil, fmt.Errorf("%s:%d: %w", name, line, err)
	}
	return recs, nil
}

// decodeAll returns the records, or an error and the offset that it is about.
func decodeAll(data []byte) ([]Record, int, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	array := bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("["))
	if array {
		if _, err := dec.Token(); err != nil {
			return nil, 0, err
		}
	}
	var recs []Record
	for dec.More() {
		start := int(dec.InputOffset())
		start += len(data[start:]) - len(bytes.TrimLeft(data[start:], ", \t\r\n"))
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			// Only Unmarshal says where in the record the fault is.
			where := offsetOf(json.Unmarshal(data[start:], &raw))
			return nil, start + where, unexpectedEOF(err)
		}
		rec, err := decodeOne(raw)
		if err != nil {
			return nil, start + offsetOf(err), err
		}
		recs = append(recs, rec)
	}
	if array {
		if _, err := dec.Token(); err != nil {
			return nil, len(data), unexpectedEOF(err)
		}
	}
	end := int(dec.InputOffset())
	if _, err := dec.Token(); err != io.EOF {
		return nil, end, errors.New("something follows the last record")
	}
	return recs, 0, nil
}

// decodeOne reads the schema first: what another schema calls a field is not
// an error in that field.
func decodeOne(raw []byte) (Record, error) {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return Record{}, err
	}
	r := Record{Schema: head.Schema}
	if head.Schema != Schema {
		return r, r.Validate()
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, err
	}
	return r, r.Validate()
}

// offsetOf is where in its input a JSON error is, or 0.
func offsetOf(err error) int {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return int(syntax.Offset)
	case errors.As(err, &kind):
		return int(kind.Offset)
	}
	return 0
}

func unexpectedEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
