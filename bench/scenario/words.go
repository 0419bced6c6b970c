package scenario

import "strconv"

// describe is a value on an axis in words.
func describe(axis string, value float64) string {
	number := strconv.FormatFloat(value, 'f', -1, 64)
	word := number + " "
	switch axis {
	case Conns:
		if value == 1 {
			return "1 connection"
		}
		return word + "connections"
	case Size:
		return word + "B"
	case Rate:
		return word + "msg/s planned"
	case Limit:
		return "highest rate with p99 within " + word + "us"
	case workCPU:
		if value != 0 {
			return "slow ones calculate"
		}
		return "slow ones wait"
	}
	return axis + " " + number
}
