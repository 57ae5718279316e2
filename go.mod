module github.com/commbench/commbench

go 1.26.0
