// Package judge says whether a figure can be trusted: it looks at what probes, counters and
// samples have seen and gives a verdict on each thing that commonly goes wrong unseen. A
// verdict is good, bad, unknown (it could not be told, and why) or none (there is nothing to
// judge here). docs/verdicts.md has a section for each name, with how to mend what is bad.
//
// The package reads no file, no clock and no device: the same facts give the same verdicts.
package judge
