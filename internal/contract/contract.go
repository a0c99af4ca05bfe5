package contract

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/deliver"
)

// Config says which application is played to, and how. Zero values are not defaults: see DefaultConfig.
type Config struct {
	URL     string        // as app.url
	Token   func() string // as app.token; nil = none, and no trial about tokens
	Format  string        // as batch.format: json | columns
	Value   string        // as batch.value: auto | json | base64; columns ignores it
	Timeout time.Duration // as app.timeout: of one request
	Sample  string        // the value of records wherever a trial needs no special one
}

// DefaultConfig is the configuration before anything is set; the URL is empty.
func DefaultConfig() Config {
	d := deliver.DefaultConfig()
	return Config{Format: d.Format, Value: d.Value, Timeout: d.Timeout, Sample: `{"id":1}`}
}

// Result is how a trial ended.
type Result string

const (
	OK   Result = "ok"
	Note Result = "note" // allowed, and worth a thought
	Fail Result = "fail" // the application does not keep the contract
)

// Finding is what one trial came to.
type Finding struct {
	Name     string `json:"name"`
	Result   Result `json:"result"`
	Sent     string `json:"sent"`           // what the application was sent
	Expected string `json:"expected"`       // what must come back
	Detail   string `json:"detail"`         // what came back
	Why      string `json:"why,omitempty"`  // what that would lead to; "" with ok
	Hint     string `json:"hint,omitempty"` // what to do
	Rejected int    `json:"rejected"`       // records that the application named in failures, as it may
}

// Summary counts the findings of a run.
type Summary struct {
	OK        int    `json:"ok"`
	Notes     int    `json:"notes"`
	Failed    int    `json:"failed"`
	NotPlayed int    `json:"notPlayed"`
	Stopped   string `json:"stopped,omitempty"` // why the rest was not played
	Rejected  int    `json:"rejected"`
}

// String is the summary in words.
func (s Summary) String() string {
	text := fmt.Sprintf("%d ok, %s, %d failed", s.OK, plural(s.Notes, "note"), s.Failed)
	if s.NotPlayed > 0 {
		text += fmt.Sprintf(", %d not played: %s", s.NotPlayed, s.Stopped)
	}
	if s.Rejected > 0 {
		text += fmt.Sprintf("; the app named %s in failures, as it may", plural(s.Rejected, "record"))
	}
	return text
}

func (s *Summary) add(f Finding) {
	switch f.Result {
	case OK:
		s.OK++
	case Note:
		s.Notes++
	case Fail:
		s.Failed++
	}
	s.Rejected += f.Rejected
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// maxSilent is how many trials may end in a time-out or still busy. Behind them the rest would only take
// its time to end the same way.
const maxSilent = 5

// Player plays the trials. It is for one Run.
type Player struct {
	wire   transport
	trials []*trial
}

// New checks cfg and prepares the trials. It connects to nothing. The error names every problem of the
// configuration, one a line, by the names that the settings have for `sidecar run`.
func New(cfg Config) (*Player, error) { return newAt(cfg, time.Now()) }

// newAt is New for a run that begins at now.
func newAt(cfg Config, now time.Time) (*Player, error) {
	app, err := newApp(cfg, cfg.Token)
	if err != nil {
		return nil, err
	}
	p := &Player{wire: newTransport(app, cfg.Timeout)}
	w, err := newWriter(cfg, app, now)
	if err != nil {
		return nil, err
	}
	p.trials = w.trials()
	return p, nil
}

// newApp is the application as pkg/deliver knows it. Its bodies are never cut.
func newApp(cfg Config, token func() string) (*deliver.App, error) {
	d := deliver.DefaultConfig()
	d.URL, d.Token, d.Format, d.Value, d.Timeout = cfg.URL, token, cfg.Format, cfg.Value, cfg.Timeout
	d.MaxBytes = 64 << 20
	return deliver.New(d)
}

// URL is the application's address for people: a password is hidden.
func (p *Player) URL() string { return p.wire.app.URL() }

// Run plays all trials in order and hands each finding to report when it is there. It ends early, and says
// why in the summary, when the application is gone, when the set-up is wrong, when it is silent again and
// again, or when ctx ends.
func (p *Player) Run(ctx context.Context, report func(Finding)) Summary {
	defer p.wire.drop()
	var s Summary
	silent := 0
	for i, t := range p.trials {
		f, end := p.play(ctx, t)
		if i == 0 {
			f = t.first(f)
		}
		s.add(f)
		report(f)
		if end.silent {
			silent++
		}
		switch {
		case ctx.Err() != nil:
			s.Stopped = "interrupted"
		case end.gone:
			s.Stopped = "the app can't be reached"
		case i == 0 && f.Result == Fail && end.refused:
			s.Stopped = "the set-up is wrong"
		case silent >= maxSilent:
			s.Stopped = fmt.Sprintf("%d times no answer in time, or nothing but busy", silent)
		default:
			continue
		}
		s.NotPlayed = len(p.trials) - i - 1
		break
	}
	return s
}

// ending is what a trial says about going on.
type ending struct {
	gone    bool // no connection came about
	silent  bool // a time-out, or busy to the end
	refused bool // a status that says: the set-up is wrong
}

// play sends the requests of a trial and makes one finding of what they came to.
func (p *Player) play(ctx context.Context, t *trial) (Finding, ending) {
	var end ending
	verdicts := make([]verdict, 0, len(t.requests))
	for i := range t.requests {
		r := &t.requests[i]
		a := p.wire.exchangeUntilFree(ctx, r)
		v := t.judge(t, r, &a)
		verdicts = append(verdicts, v)
		end.gone = a.gone()
		end.silent = end.silent || a.timedOut() || a.busy()
		end.refused = end.refused || a.wrongSetup()
		if end.gone || a.timedOut() || ctx.Err() != nil {
			break
		}
	}
	return t.finding(verdicts), end
}

// first is the finding of the very first trial: an application that rejects the sample shows less in the others.
func (t *trial) first(f Finding) Finding {
	if f.Result == OK && f.Rejected == t.records() {
		f.Result = Note
		f.Why = "an app that rejects the sample shows less in what follows"
		f.Hint = "give it a value of its own with --sample"
	}
	return f
}
