package inspect

// window is how many seconds are counted.
const window = 60

// rates are how many messages there were in each of the last seconds.
type rates struct {
	seconds [window]second
}

type second struct {
	at              int64 // since the start of 1970
	in, out, failed int
}

// count counts an entry.
func (r *rates) count(now int64, e *entry) {
	s := &r.seconds[now%window]
	if s.at != now {
		*s = second{at: now}
	}
	switch e.Kind {
	case kindIn:
		s.in++
	case kindOut, kindAnswer:
		s.out++
	}
	if e.failed() {
		s.failed++
	}
}

// series are the rates of the last seconds, the oldest first; the present second is not in it.
type series struct {
	In     []int `json:"in"`
	Out    []int `json:"out"`
	Failed []int `json:"failed"`
}

func (r *rates) series(now int64) series {
	s := series{}
	for at := now - window + 1; at < now; at++ {
		of := r.seconds[at%window]
		if of.at != at {
			of = second{}
		}
		s.In, s.Out, s.Failed = append(s.In, of.in), append(s.Out, of.out), append(s.Failed, of.failed)
	}
	return s
}
