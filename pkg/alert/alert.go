package alert

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// Types of alerts. That a trouble is over is a type of its own.
const (
	Blocked    = "blocked" // a partition waits; reason says why
	Unblocked  = "unblocked"
	Fenced     = "fenced" // another process took a partition's key
	Claimed    = "claimed"
	DataLoss   = "data_loss"   // policy.data_loss has passed over records; nothing ends it
	TopicAlarm = "topic_alarm" // a topic is another one, or gone
	TopicWell  = "topic_well"
	AppDown    = "app_down" // or its set-up is wrong, or it is busy: reason says which
	AppUp      = "app_up"
	StoreDown  = "store_down"
	StoreUp    = "store_up"
	KafkaDown  = "kafka_down"
	KafkaUp    = "kafka_up"
	Watchdog   = "watchdog" // /livez fails
	Awake      = "watchdog_well"
)

// Alert is the body of a request to the webhook.
type Alert struct {
	Type      string    `json:"type"`
	Time      time.Time `json:"time"` // when it began or ended, not when it is sent
	Group     string    `json:"group"`
	Topic     string    `json:"topic,omitempty"`     // "" = of the process, or of several topics
	Partition *int32    `json:"partition,omitempty"` // nil = of a topic or the process, or of several partitions
	Reason    string    `json:"reason,omitempty"`    // as in /v1/status
	Text      string    `json:"text"`                // for people
}

// Engine is what is looked at; *relay.Engine is one.
type Engine interface {
	Events(ctx context.Context, after int64) ([]relay.Event, error)
	Status(ctx context.Context) (relay.Status, error)
	Live() error
}

// How often it is looked. A status costs more, and tells only of what lasts.
const (
	lookEvery    = time.Second
	statusEvery  = 5 * time.Second
	askedAtMost  = 900 * time.Millisecond
	queuedAlerts = 200
)

// Watch looks at an engine and tells a webhook. Make it with New.
type Watch struct {
	cfg    Config
	engine Engine
	post   poster
	queue  chan Alert
	total  *prometheus.CounterVec
}

// New makes a watch. It has no side effects but registering its metric.
func New(cfg Config, engine Engine, reg prometheus.Registerer) *Watch {
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sidecar_alerts_total", Help: "Alerts for the webhook, by what became of them: sent, failed (given up), dropped (the queue was full).",
	}, []string{"outcome"})
	reg.MustRegister(total)
	for _, o := range []string{sent, failed, dropped} {
		total.WithLabelValues(o)
	}
	return &Watch{cfg: cfg, engine: engine, post: newPoster(cfg), queue: make(chan Alert, queuedAlerts), total: total}
}

// Run looks and tells until ctx ends; what is not sent by then is dropped. The error is always nil.
func (w *Watch) Run(ctx context.Context) error {
	defer w.post.close()
	var group errgroup.Group
	group.Go(func() error {
		w.look(ctx)
		return nil
	})
	group.Go(func() error {
		w.send(ctx)
		return nil
	})
	return group.Wait()
}

// look watches the engine.
func (w *Watch) look(ctx context.Context) {
	j := newJudge(w.cfg.Group, w.cfg.After)
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var last int64 // seq of the newest event seen
	var asked time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			s := sight{dead: w.engine.Live()}
			s.events, s.status = w.ask(ctx, last, now.Sub(asked) >= statusEvery)
			if n := len(s.events); n > 0 {
				s.gap = s.events[0].Seq > last+1
				last = s.events[n-1].Seq
			}
			if s.status != nil {
				asked = now
			}
			for _, a := range j.look(now, s) {
				w.enqueue(a)
			}
		}
	}
}

// ask gets what is new. An engine that does not answer tells nothing; that it does not is Live's to say.
func (w *Watch) ask(ctx context.Context, last int64, wantStatus bool) ([]relay.Event, *relay.Status) {
	ctx, cancel := context.WithTimeout(ctx, askedAtMost)
	defer cancel()
	events, err := w.engine.Events(ctx, last)
	missed := len(events) > 0 && events[0].Seq > last+1
	if err != nil || !wantStatus && !missed {
		return events, nil
	}
	status, err := w.engine.Status(ctx)
	if err != nil {
		return events, nil
	}
	return events, &status
}

func (w *Watch) enqueue(a Alert) {
	select {
	case w.queue <- a:
	default:
		w.total.WithLabelValues(dropped).Inc()
		w.log(w.cfg.Log.Warn(), a).Msg("alert dropped: the webhook is slower than trouble comes")
	}
}

func (w *Watch) log(line *zerolog.Event, a Alert) *zerolog.Event {
	line = line.Str("type", a.Type).Str("topic", a.Topic).Str("reason", a.Reason)
	if a.Partition != nil {
		line = line.Int32("partition", *a.Partition)
	}
	return line
}
