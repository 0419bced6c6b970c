package reactor

// shuffleReady puts what is ready into an order of Options.Shuffle's. Where a
// posted function stands, one still stands: Post promises their order.
func (l *Loop) shuffleReady() {
	var batch []Runnable
	var places []int // of what may change places
	for l.ready.len > 0 {
		r := l.ready.pop()
		if _, posted := r.(runFunc); !posted {
			places = append(places, len(batch))
		}
		batch = append(batch, r)
	}
	l.shuffle.Shuffle(len(places), func(i, j int) {
		i, j = places[i], places[j]
		batch[i], batch[j] = batch[j], batch[i]
	})
	for _, r := range batch {
		l.ready.push(r)
	}
}
