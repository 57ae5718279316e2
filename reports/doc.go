// Package reports lays records out as text. It computes nothing and explains
// nothing: every figure and every sentence is the record's or the caller's,
// but for names, units and the words WRONG and interrupted.
//
// # Formats
//
//   - table, for people: a heading with what all records have in common, one
//     aligned row a record, then what must be known to read them. What differs
//     between records (a sweep over channels, say) becomes a column. Records of
//     different sources, measured and simulated ones, never share a table.
//   - json and jsonl, for machines: the contract of package record.
//   - csv, for spreadsheets: RFC 4180, so lines end in CR LF; one header row
//     with the JSON paths joined by "_", in the order of the JSON; the same
//     columns whatever the records; empty where JSON is null; times in UTC.
//     Lists are one cell: samples joined by ";", sentences by "; ".
//   - gobench, for benchstat: the Go benchmark format, one line for each
//     iteration sample. See below.
//
// All but table refuse a record that is not valid (record.ErrInvalid).
//
// # The Go benchmark format
//
// The name of a benchmark holds everything that was chosen, as key=value, so
// that benchstat never pools samples of different settings; what is off or
// unknown is left out. In values, "/", "%", spaces and what cannot be printed
// are percent-encoded. A record without samples (a simulated one) gives one
// line, its p50; one without either gives none.
//
// The configuration lines above the results (toolkit, source, goos, goarch,
// cpu, cores) change only with the program and the machine, because benchstat
// splits its tables by them; to compare two versions, use
//
//	benchstat -ignore toolkit old.txt new.txt
//
// and to see one file's algorithms beside each other
//
//	benchstat -row /algorithm run.txt
//
// Units that end in B/s are bytes a second, and benchstat shows them with
// binary prefixes: 25.4Gi is 27.3 of the GB/s that the table shows.
package reports
