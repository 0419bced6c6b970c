// The results are a module of their own, without code, so that those who use weft do not download them.
module github.com/weft-go/weft/bench/results

go 1.26.0
