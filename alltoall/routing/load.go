package routing

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
)

// maxCount is the largest count of a load file, and 1/maxCount the smallest that
// is not 0: between them neither a sum nor a ratio overflows.
const maxCount = 1 << 50

// load is a gate whose popularities are the recorded counts of one layer.
type load struct {
	gate
	about string
}

func (l load) notes(Spec) []string { return []string{l.about} }

// readLoad reads a layer of a load file, the first with any load if it is -1.
func readLoad(in *input, layer int) (*Source, error) {
	name := in.name
	layers, err := readLayers(in)
	if err != nil {
		return nil, err
	}
	if layer, err = pickLayer(name, layers, layer); err != nil {
		return nil, err
	}
	counts := layers[layer]
	weigh := func(spec Spec) ([]float64, error) {
		if spec.Placement.Experts != len(counts) {
			return nil, fmt.Errorf("routing: load %s: layer %d has %d experts: want as many placed, not %d",
				name, layer, len(counts), spec.Placement.Experts)
		}
		if n := leastLoaded(spec, counts); n < spec.TopK {
			return nil, fmt.Errorf("routing: load %s: layer %d has load on only %d of the experts that a token may have to choose from, too few for top-%d: a smaller top-k, or a wider group limit, would do",
				name, layer, n, spec.TopK)
		}
		return slices.Clone(counts), nil
	}
	return &Source{experts: len(counts), pattern: load{
		gate{fmt.Sprintf("load:%s:%d", name, layer), true, weigh},
		fmt.Sprintf("load %s: layer %d of 0 to %d; its %d experts rule over the flags",
			filepath.Base(name), layer, len(layers)-1, len(counts)),
	}}, nil
}

// pickLayer is the layer asked for, or the first with any load if that is -1.
func pickLayer(name string, layers [][]float64, layer int) (int, error) {
	loaded := func(counts []float64) bool {
		return slices.ContainsFunc(counts, func(n float64) bool { return n > 0 })
	}
	wrong := func(want, problem string, arguments ...any) (int, error) {
		return 0, &FileError{File: name, Problem: fmt.Sprintf(problem, arguments...), Want: want}
	}
	if layer < 0 {
		if layer = slices.IndexFunc(layers, loaded); layer < 0 {
			return wrong("a layer with a count above 0", "all %d layers are zero", len(layers))
		}
	}
	if layer >= len(layers) {
		return wrong(fmt.Sprintf("0 to %d", len(layers)-1), "layer %d is not in the file", layer)
	}
	if !loaded(layers[layer]) {
		return wrong("a layer with load, as a mixture-of-experts layer has", "layer %d is zero", layer)
	}
	return layer, nil
}

// leastLoaded is the number of experts with load that every token can choose
// from: with a group limit, those of the nodes that have fewest.
func leastLoaded(spec Spec, counts []float64) int {
	per, nodes := len(counts), 1
	if limit := spec.limit(); limit > 0 {
		per, nodes = spec.Placement.PerNode(), limit
	}
	var withLoad []int
	for node := range slices.Chunk(counts, per) {
		n := 0
		for _, count := range node {
			if count > 0 {
				n++
			}
		}
		withLoad = append(withLoad, n)
	}
	slices.Sort(withLoad)
	sum := 0
	for _, n := range withLoad[:nodes] {
		sum += n
	}
	return sum
}

// readLayers reads {"logical_count": [layer][expert]}, as SGLang's recorder of
// expert statistics writes it. Columns are bytes.
func readLayers(in *input) ([][]float64, error) {
	data, err := in.whole()
	if err != nil {
		return nil, err
	}
	fault := func(at int, want, problem string, arguments ...any) error {
		in.line = 1 + bytes.Count(data[:at], []byte("\n"))
		return in.fault(at-bytes.LastIndexByte(data[:at], '\n'), want, problem, arguments...)
	}
	const want = `{"logical_count":[[count, ...], ...]}`
	if at, problem, ok := jsonFault(data); !ok {
		return nil, fault(at, want, "%s", problem)
	}
	start := jsonGap(data, 0)
	if data[start] != '{' {
		return nil, fault(start, want, "not a JSON object")
	}
	var layers [][]float64
	found := false
	err = jsonMembers(data[start:], func(key, value []byte, at int) error {
		at += start
		switch {
		case string(key) != `"logical_count"`:
			return nil
		case found:
			return fault(at, "one", `"logical_count" twice`)
		case value[0] != '[':
			return fault(at, "an array of layers", `"logical_count" is %s`, quote(value))
		}
		found = true
		return jsonElements(value, func(i int, layer []byte, offset int) error {
			counts, err := readLayer(layer, at+offset, fault)
			if err != nil {
				return err
			}
			if i > 0 && len(counts) != len(layers[0]) {
				return fault(at+offset, fmt.Sprintf("%d, as in layer 0", len(layers[0])), "layer %d has %d experts", i, len(counts))
			}
			layers = append(layers, counts)
			return nil
		})
	})
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, fault(start, want, `no "logical_count"`)
	case len(layers) == 0:
		return nil, fault(start, want, "no layers")
	}
	return layers, nil
}

// readLayer reads the counts of one layer.
func readLayer(array []byte, at int, fault func(int, string, string, ...any) error) ([]float64, error) {
	if array[0] != '[' {
		return nil, fault(at, "an array of counts", "a layer is %s", quote(array))
	}
	var counts []float64
	err := jsonElements(array, func(i int, value []byte, offset int) error {
		n, err := strconv.ParseFloat(string(value), 64)
		if err != nil || !(n == 0 || n >= 1.0/maxCount && n <= maxCount) {
			return fault(at+offset, "0 or a number from 2^-50 to 2^50", "count %s", quote(value))
		}
		if i == MaxExperts {
			return fault(at+offset, fmt.Sprintf("at most %d", MaxExperts), "more experts in a layer")
		}
		counts = append(counts, n)
		return nil
	})
	if err == nil && len(counts) == 0 {
		err = fault(at, "a count for each expert", "a layer without experts")
	}
	return counts, err
}
