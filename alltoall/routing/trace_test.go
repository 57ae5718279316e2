package routing

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// written writes a file and gives its path.
func written(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func gzipped(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// badFile opens each content as pattern:FILE and compares the whole message,
// without the folder.
type badFile struct{ name, content, suffix, want string }

func checkBadFiles(t *testing.T, pattern string, cases []badFile) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := written(t, "f", c.content)
			_, err := Open(pattern + ":" + path + c.suffix)
			fault := (*FileError)(nil)
			if !errors.As(err, &fault) {
				t.Fatalf("%v, want a *FileError", err)
			}
			if fault.File != path {
				t.Errorf("the error is about %q", fault.File)
			}
			if got := strings.ReplaceAll(err.Error(), path, "f"); got != c.want {
				t.Errorf("%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// tabs writes tokens as lines of so many, with weights that say which is which.
func tabs(tokens [][]int32, perLine int) string {
	var b strings.Builder
	for i := 0; i < len(tokens); i += perLine {
		var weights strings.Builder
		for j, ids := range tokens[i:min(i+perLine, len(tokens))] {
			for k, e := range ids {
				fmt.Fprintf(&b, "%d\t", e)
				fmt.Fprintf(&weights, "\t0.0%d%d", j%10, k)
			}
		}
		fmt.Fprintf(&b, "%s\n", weights.String())
	}
	return b.String()
}

func TestTabTraceErrors(t *testing.T) {
	long := strings.Repeat("\t7", 6)
	truncated := gzipped(t, strings.Repeat("1\t2\t3\t\t0.1\t0.2\t0.3\n", 50))
	damaged := []byte(truncated)
	damaged[len(damaged)-5] ^= 1 // the checksum
	checkBadFiles(t, "trace", []badFile{
		{"empty", "", "", `f: the file is empty: want recorded routing`},
		{"blank", "\n\r\n\n", "", `f: the file is empty: want recorded routing`},
		{"emptyGzip", gzipped(t, ""), "", `f: the file is empty: want recorded routing`},
		{"gzipHeader", "\x1f\x8b", "", `f:1:1: the gzip data end early: want a complete file`},
		{"gzipTruncated", truncated[:len(truncated)-9], "", `f:51:1: the gzip data end early: want a complete file`},
		{"gzipDamaged", string(damaged), "", `f:51:1: the gzip data are damaged: want a file as it was written`},
		{"binary", "\x00\x01\xff", "", `f:1:1: expert "\x00\x01\xff": want 0 to 1048575, or -1 for a masked choice, or an empty field before the weights`},
		{"word", "1\t2\n", "", `f:1:3: the line ends after 2 experts: want an empty field and then as many weights`},
		{"notANumber", "1\t2\t\t0.5\t0.5\n3\tx\t\t0.5\t0.5\n", "", `f:2:2: expert "x": want 0 to 1048575, or -1 for a masked choice, or an empty field before the weights`},
		{"fraction", "1.5\t2\t\t0.5\t0.5\n", "", `f:1:1: expert "1.5": want 0 to 1048575, or -1 for a masked choice, or an empty field before the weights`},
		{"negative", "1\t-2\t\t0.5\t0.5\n", "", `f:1:2: expert "-2": want 0 to 1048575, or -1 for a masked choice, or an empty field before the weights`},
		{"tooLarge", "1\t1048576\t\t0.5\t0.5\n", "", `f:1:2: expert "1048576": want 0 to 1048575, or -1 for a masked choice, or an empty field before the weights`},
		{"huge", "1\t99999999999999999999\t\t0.5\t0.5\n", "", `f:1:2: expert "99999999999999999999": want 0 to 1048575, or -1 for a masked choice, or an empty field before the weights`},
		{"veryLong", "1\t" + strings.Repeat("9", 100) + "\t\t0.5\t0.5\n", "", `f:1:2: expert "999999999999999999999999"...: want 0 to 1048575, or -1 for a masked choice, or an empty field before the weights`},
		{"noExperts", "\t0.5\n", "", `f:1:1: no experts in the line: want an expert id`},
		{"noWeights", "1\t2\t", "", `f:1:4: the line ends after 0 weights: want 2, as many as experts`},
		{"fewWeights", "1\t2\t\t0.5", "", `f:1:5: the line ends after 1 weights: want 2, as many as experts`},
		{"manyWeights", "1\t2\t\t0.5\t0.5\t0.5", "", `f:1:6: more than 2 weights: want as many as experts`},
		{"emptyWeight", "1\t2\t\t0.5\t", "", `f:1:5: weight "": want a finite number`},
		{"nan", "1\t2\t\t0.5\tNaN", "", `f:1:5: weight "NaN": want a finite number`},
		{"infinite", "1\t2\t\t0.5\t1e39", "", `f:1:5: weight "1e39": want a finite number`},
		{"allMasked", "-1\t-1\t\t0\t0", "", `f: every choice is masked: want at least one expert id`},
		{"short", "1\t2\t\t0.5\t0.5", "", `f: the trace is too short to tell top-1 from top-2: want K stated, as in trace:f?topk=1`},
		{"notAMultiple", "1\t2\t\t0.5\t0.5\n3\t4\t5\t\t0\t0\t0\n", "?topk=2", `f:2: 3 experts in the line: want a multiple of 2`},
		{"repeated", "1\t2\t\t0.5\t0.5\n3\t4\t5\t5\t\t0\t0\t0\t0\n", "?topk=2", `f:2:4: expert 5 is in the token already: want distinct experts, with top-2`},
		{"laterLine", strings.Repeat("1\t2\t\t0.5\t0.5\n", 30) + "7" + long, "", `f:31:8: the line ends after 7 experts: want an empty field and then as many weights`},
	})
}

func TestJSONTraceErrors(t *testing.T) {
	const ids = `0 to 1048575, or -1 for a masked choice`
	checkBadFiles(t, "trace", []badFile{
		{"truncated", `{"experts":[1,2`, "", `f:1:16: unexpected end of JSON input: want a JSON object`},
		{"notJSON", `{"experts":[1,,2]}`, "", `f:1:15: invalid character ',' looking for beginning of value: want a JSON object`},
		{"trailing", `{"experts":[1]} x`, "", `f:1:17: invalid character 'x' after top-level value: want a JSON object`},
		{"array", "{\"experts\":[1]}\n[1,2]\n", "", `f:2:1: not a JSON object: want {"experts":[...]}`},
		{"blanks", "{\"experts\":[1]}\n   ", "", `f:2:4: not a JSON object: want {"experts":[...]}`},
		{"noExperts", "{\"experts\":[1]}\n {\"weights\":[1]}\n", "", `f:2:2: no "experts": want {"experts":[...]}`},
		{"loadFile", `{"logical_count":[[1]]}`, "", `f:1:1: no "experts": want {"experts":[...]}`},
		{"null", `{"experts":null}`, "", `f:1:12: "experts" is "null": want an array of expert ids`},
		{"nullElement", `{"experts":[1,null]}`, "", `f:1:15: expert "null": want ` + ids},
		{"text", `{"experts":["1"]}`, "", `f:1:13: expert "\"1\"": want ` + ids},
		{"nested", `{"experts":[[1,2],3]}`, "", `f:1:13: expert "[1,2]": want ` + ids},
		{"fraction", `{"experts":[1, 2.0]}`, "", `f:1:16: expert "2.0": want ` + ids},
		{"negative", `{"experts":[1, -2]}`, "", `f:1:16: expert "-2": want ` + ids},
		{"aboveCount", "{\"num_experts\":4}\n{\"experts\":[ 3, 4 ]}", "", `f:2:17: expert "4": want 0 to 3, or -1 for a masked choice`},
		{"repeated", `{"experts":[1,-1,-1,3,1]}`, "", `f:1:23: expert 1 is in the token already: want distinct experts`},
		{"none", `{"experts":[]}`, "", `f:1:12: 0 experts of a token: want 1 to 1024`},
		{"otherK", "{\"experts\":[1,2]}\n{\"experts\":[1,2,3]}", "", `f:2:12: 3 experts of a token: want 2, as in every token`},
		{"otherThanStated", `{"experts":[1,2]}`, "?topk=3", `f:1:12: 2 experts of a token: want 3, as in every token`},
		{"fewWeights", `{"weights":[0.5],"experts":[1,2]}`, "", `f:1:12: 1 weights for 2 experts: want as many`},
		{"weightText", `{"experts":[1,2],"weights":[0.5,"x"]}`, "", `f:1:33: weight "\"x\"": want a finite number`},
		{"weightHuge", `{"experts":[1,2],"weights":[0.5,1e99]}`, "", `f:1:33: weight "1e99": want a finite number`},
		{"weightsNull", `{"experts":[1,2],"weights":null}`, "", `f:1:28: "weights" is "null": want an array of numbers`},
		{"twice", `{"experts":[1],"experts":[2]}`, "", `f:1:26: "experts" twice in a token: want one "experts"`},
		{"weightsTwice", `{"weights":[1],"weights":[1],"experts":[2]}`, "", `f:1:26: "weights" twice in a token: want one "weights"`},
		{"countOnly", `{"num_experts":8}`, "", `f: no tokens: want a line {"experts":[...]} for each token`},
		{"countZero", `{"num_experts":0}`, "", `f:1:16: num_experts "0": want 1 to 1048576`},
		{"countHuge", `{"num_experts":1e9}`, "", `f:1:16: num_experts "1e9": want 1 to 1048576`},
		{"countLate", "{\"experts\":[1]}\n{\"num_experts\":8}", "", `f:2:16: "num_experts" after the first line: want it in the first line`},
		{"countInToken", `{"num_experts":8,"experts":[1]}`, "", `f:1:28: the first line is a token and states the number of experts: want "num_experts" on a line of its own`},
		{"allMasked", `{"experts":[-1,-1]}`, "", `f: every choice is masked: want at least one expert id`},
		{"gzipTruncated", gzipped(t, "{\"experts\":[1]}\n")[:30], "", `f:2:1: the gzip data end early: want a complete file`},
	})
}

func TestFilesThatCannotBeRead(t *testing.T) {
	for _, pattern := range []string{"trace:", "load:"} {
		missing := filepath.Join(t.TempDir(), "missing")
		_, err := Open(pattern + missing)
		if !errors.Is(err, fs.ErrNotExist) || err.Error() != missing+": no such file or directory: want a file that can be read" {
			t.Errorf("missing: %v", err)
		}
		folder := t.TempDir()
		if _, err := Open(pattern + folder); err == nil || !strings.HasPrefix(err.Error(), folder+": ") {
			t.Errorf("folder: %v", err)
		}
	}
}

// A small file that unzips to very much ends in an error and in little memory.
func TestBoundsOfFiles(t *testing.T) {
	small := bounds{file: 1 << 20, line: 1 << 14, document: 1 << 16}
	for _, c := range []struct{ name, content, want string }{
		{"line", gzipped(t, strings.Repeat("1\t", 1<<20)), "f:1: the line does not end here: want at most 16384 bytes in a line"},
		{"file", gzipped(t, strings.Repeat("1\t\t1\n", 1<<18)), "f:209716: the file does not end here: want at most 1048576 bytes"},
		{"blank", gzipped(t, strings.Repeat("\n", 1<<21)), "f:1048577: the file does not end here: want at most 1048576 bytes"},
		{"jsonLines", gzipped(t, strings.Repeat("{\"experts\":[1]}\n", 1<<17)), "f:65537: the file does not end here: want at most 1048576 bytes"},
	} {
		in, err := newInput("f", strings.NewReader(c.content), small)
		if err == nil {
			err = new(trace).read(in)
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	in, err := newInput("f", strings.NewReader(gzipped(t, strings.Repeat(" ", 1<<20))), small)
	if err == nil {
		_, err = readLoad(in, -1)
	}
	if want := "f: the file does not end: want at most 65536 bytes"; err == nil || err.Error() != want {
		t.Errorf("load: %v, want %q", err, want)
	}
}

func TestTraceIsReplayed(t *testing.T) {
	tokens := [][]int32{{1, 2}, {3, 0}, {5, -1}, {2, 7}, {6, 1}}
	jsonLines := "{\"num_experts\":16}\n"
	for j, ids := range tokens {
		jsonLines += fmt.Sprintf("{ \"id\":[{\"a]\":\"}\\\"\"}], \"experts\" : [%d, %d] ,\"weights\":[0.0%d0,0.0%d1]}\r\n", ids[0], ids[1], j, j)
	}
	for name, c := range map[string]struct {
		content, suffix string
		experts         int
	}{
		"tabs":      {tabs(tokens, 3), "?topk=2", 8},
		"tabsGzip":  {gzipped(t, tabs(tokens, 3)), "?topk=2", 8},
		"json":      {jsonLines, "", 16},
		"jsonGzip":  {gzipped(t, jsonLines), "", 16},
		"noLineEnd": {strings.TrimSpace(jsonLines), "", 16},
	} {
		t.Run(name, func(t *testing.T) {
			src := mustOpen(t, "trace:"+written(t, "f", c.content)+c.suffix)
			if src.Experts() != c.experts || src.TopK() != 2 || src.Tokens() != 5 {
				t.Fatalf("%d experts, top-%d, %d tokens", src.Experts(), src.TopK(), src.Tokens())
			}
			spec := Spec{Placement: placed(t, 2, 2, 16), Tokens: 3, Groups: 1, EmptyRanks: 1, Seed: 2}
			tables, err := src.Generate(spec)
			if err != nil {
				t.Fatal(err)
			}
			for rank, table := range tables {
				for i := range table.Tokens {
					ids, weights := table.Row(i)
					at := (rank*3 + i) % 5
					if !reflect.DeepEqual(ids, tokens[at]) {
						t.Errorf("rank %d, token %d: %v, want %v", rank, i, ids, tokens[at])
					}
					for k, w := range weights {
						j := at
						if strings.HasPrefix(name, "tabs") {
							j %= 3 // its weights count from the start of a line
						}
						want := float32(j)/100 + float32(k)/1000
						if ids[k] == Masked {
							want = 0
						}
						if diff := w - want; diff > 1e-6 || diff < -1e-6 {
							t.Errorf("rank %d, token %d: weight %v, want %v", rank, i, w, want)
						}
					}
				}
			}
			if empty := Measure(spec.Placement, tables).EmptyRanks; empty != 1 {
				t.Errorf("%d empty ranks", empty)
			}
		})
	}
}

func TestTraceWithoutWeightsIsEven(t *testing.T) {
	src := mustOpen(t, "trace:"+written(t, "f", `{"experts":[3,-1,0,2]}`))
	tables, err := src.Generate(Spec{Placement: placed(t, 1, 1, 4), Tokens: 1})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{0.25, 0, 0.25, 0.25}; !reflect.DeepEqual(tables[0].Weights, want) {
		t.Errorf("%v, want %v", tables[0].Weights, want)
	}
}

func TestTraceThatDoesNotFit(t *testing.T) {
	src := mustOpen(t, "trace:"+written(t, "f", `{"experts":[3,7]}`))
	for want, spec := range map[string]Spec{
		"records top-2: top-4 cannot be made": {Placement: placed(t, 1, 1, 8), Tokens: 1, TopK: 4},
		"records 8 experts: 4 are placed":     {Placement: placed(t, 1, 1, 4), Tokens: 1},
	} {
		if _, err := src.Generate(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// K is found or the error says that it was not: it is never wrong.
func TestTopKIsInferredOrAsked(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	found, asked := 0, 0
	for range 250 {
		experts := []int{8, 16, 64, 160, 256}[rng.IntN(5)]
		k := 1 + rng.IntN(min(8, experts))
		skew := rng.Float64() * 3
		tokens := make([][]int32, 1<<(3+rng.IntN(10)))
		for i := range tokens {
			seen := map[int32]bool{}
			for len(tokens[i]) < k {
				e := int32(float64(experts) * pow(rng.Float64()+1e-9, 1+skew))
				if !seen[e] {
					seen[e] = true
					tokens[i] = append(tokens[i], e)
				}
			}
		}
		perLine := 1 << rng.IntN(8)
		src, err := Open("trace:" + written(t, "f", tabs(tokens, perLine)))
		fault := (*FileError)(nil)
		switch {
		case err == nil && src.TopK() == k:
			found++
		case errors.As(err, &fault) && strings.Contains(fault.Want, "K stated"):
			asked++
		default:
			t.Errorf("%d tokens of top-%d of %d experts: %v, %v", len(tokens), k, experts, src, err)
		}
	}
	t.Logf("found %d times, asked %d times", found, asked)
	if found < asked {
		t.Errorf("asked for K more often (%d) than it was found (%d)", asked, found)
	}
}

// One bad token in a long trace is an error there, not another K.
func TestRepeatedExpertIsNotAnotherTopK(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	tokens := make([][]int32, 2048)
	for i := range tokens {
		for _, e := range rng.Perm(64)[:6] {
			tokens[i] = append(tokens[i], int32(e))
		}
	}
	tokens[1000][4] = tokens[1000][0]
	_, err := Open("trace:" + written(t, "f", tabs(tokens, 16)))
	fault := (*FileError)(nil)
	if !errors.As(err, &fault) || fault.Line != 63 || fault.Column != 8*6+5 {
		t.Errorf("%v, want an error at line 63, field 53", err)
	}
}

// Choices dealt out in turn never repeat beside each other. The weights tell.
func TestDealtChoicesAreNotOneLongToken(t *testing.T) {
	spec := Spec{Placement: placed(t, 1, 1, 64), Tokens: 4096, TopK: 8, Seed: 1}
	var ids, weights strings.Builder
	for _, e := range mustGenerate(t, "balanced", spec)[0].Experts {
		fmt.Fprintf(&ids, "%d\t", e)
		weights.WriteString("\t0.125")
	}
	_, err := Open("trace:" + written(t, "f", ids.String()+weights.String()+"\n"))
	if err == nil || !strings.Contains(err.Error(), "K stated") {
		t.Errorf("%v, want a question for K", err)
	}
}

func TestTraceNotes(t *testing.T) {
	path := written(t, "law.jsonl", `{"experts":[3,7]}`+"\n"+`{"experts":[1,2]}`)
	src := mustOpen(t, "trace:"+path)
	notes := src.Notes(Spec{Placement: placed(t, 4, 2, 8), Tokens: 1, Groups: 2})
	want := []string{
		"trace law.jsonl: 8 experts (highest id 7) and top-2 rule over the flags; 2 recorded tokens replayed 4.0 times",
		"trace: the group limit does not apply to recorded choices",
	}
	if !reflect.DeepEqual(notes, want) {
		t.Errorf("%q, want %q", notes, want)
	}
}
