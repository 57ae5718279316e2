package answer_test

import (
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/nvml/answer"
)

func TestThreeAnswers(t *testing.T) {
	tests := map[string]struct {
		a    answer.Of[int]
		is   error // what Err is
		text string
		json string
	}{
		"value":            {answer.Is(3), nil, "3", "3"},
		"zero is a value":  {answer.Is(0), nil, "0", "0"},
		"none":             {answer.None[int]("no sensor"), errors.ErrUnsupported, "not supported: no sensor", "null"},
		"unknown":          {answer.Unknown[int]("no permission"), answer.ErrUnknown, "could not tell: no permission", "null"},
		"nobody asked":     {answer.Of[int]{}, answer.ErrUnknown, "could not tell: not asked", "null"},
		"from value":       {answer.From(3, nil), nil, "3", "3"},
		"from unsupported": {answer.From(3, errors.ErrUnsupported), errors.ErrUnsupported, "unsupported operation", "null"},
		"from unknown":     {answer.From(3, answer.ErrUnknown), answer.ErrUnknown, "could not tell", "null"},
		"from error":       {answer.From(3, io.ErrUnexpectedEOF), io.ErrUnexpectedEOF, "could not tell: unexpected EOF", "null"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if err := test.a.Err(); !errors.Is(err, test.is) || (err == nil) != (test.is == nil) {
				t.Errorf("Err is %v, expected %v", err, test.is)
			}
			if got := test.a.String(); got != test.text {
				t.Errorf("String is %q, expected %q", got, test.text)
			}
			if b, err := json.Marshal(test.a); err != nil || string(b) != test.json {
				t.Errorf("JSON is %s, %v, expected %s", b, err, test.json)
			}
			v, ok := test.a.Get()
			if ok != (test.is == nil) || !ok && v != 0 && test.a.Ptr() != nil {
				t.Errorf("Get is %d, %v", v, ok)
			}
			if got := test.a.Or(-1); ok && got != v || !ok && got != -1 {
				t.Errorf("Or is %d", got)
			}
		})
	}
}

func TestMapKeepsWhy(t *testing.T) {
	double := func(n int) float64 { return 2 * float64(n) }
	if got := answer.Map(answer.Is(2), double); got != answer.Is(4.0) {
		t.Errorf("of 2 it is %v", got)
	}
	if got := answer.Map(answer.None[int]("no sensor"), double); got.String() != "not supported: no sensor" {
		t.Errorf("of none it is %v", got)
	}
}

func TestMissing(t *testing.T) {
	type link struct {
		Up    answer.Of[bool] `json:"up"`
		plain int
	}
	type common struct {
		SMs answer.Of[int] `json:"sms"`
	}
	page := struct {
		common
		Links  []link                  `json:"links"`
		Fabric answer.Of[link]         `json:"fabric"`
		Next   *link                   `json:"next"`
		None   *link                   `json:"none"`
		Hidden answer.Of[int]          `json:"-"`
		Bare   answer.Of[string]       // by its own name
		Text   string                  `json:"text"`
		Table  [1]answer.Of[[]float64] `json:"table"`
	}{
		Links:  []link{{Up: answer.Is(true), plain: 1}, {Up: answer.None[bool]("no NVLink")}},
		Fabric: answer.Is(link{}),
		Next:   &link{},
	}
	want := map[string]string{
		"links[1].up": "not supported: no NVLink",
		"fabric.up":   "could not tell: not asked",
		"next.up":     "could not tell: not asked",
		"Bare":        "could not tell: not asked",
		"table[0]":    "could not tell: not asked",
	}
	// An embedded struct that is not exported is walked in JSON, and here.
	want["sms"] = "could not tell: not asked"
	if diff := cmp.Diff(want, answer.Missing(page)); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	if got := answer.Missing(nil); len(got) > 0 {
		t.Errorf("of nothing: %v", got)
	}
}
