package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// orderTimeout bounds an order: questions to Kafka and the store, and the writes.
const orderTimeout = 20 * time.Second

// commitWait is how long a skip waits for the commit of what was acknowledged before the record.
const commitWait = 10 * time.Second

// Operator plans and carries out changes of the stored offsets; *control.Control is one.
type Operator interface {
	Seek(ctx context.Context, topic string, parts []int32, to control.Target, force bool) (*control.Plan, error)
	Pause(ctx context.Context, topic string, parts []int32) (*control.Plan, error)
	Resume(ctx context.Context, topic string, parts []int32) (*control.Plan, error)
	Skip(ctx context.Context, p record.TopicPartition, offset int64) (*control.Plan, error)
	Apply(ctx context.Context, p *control.Plan) error
}

// order is the body of a change of several partitions. Partitions nil = all.
type order struct {
	Topic      string  `json:"topic"`
	Partitions []int32 `json:"partitions"`
	As         string  `json:"as"` // whom the operators' log names; "" = this listener
	DryRun     bool    `json:"dryRun"`
}

// seekOrder is the body of POST /v1/seek.
type seekOrder struct {
	order
	To    json.RawMessage `json:"to"`
	Force bool            `json:"force"`
}

// recordOrder is the body of POST /v1/skip and, without offset and to, of POST /v1/retry.
type recordOrder struct {
	Topic     string `json:"topic"`
	Partition *int32 `json:"partition"`
	Offset    *int64 `json:"offset"`
	To        string `json:"to"`
	As        string `json:"as"`
}

// planAnswer is a plan as the API shows it.
type planAnswer struct {
	What       string       `json:"what"`
	Topic      string       `json:"topic"`
	Executed   bool         `json:"executed"`
	Revision   int64        `json:"revision,omitempty"` // of the topic's document after the change
	Partitions []stepAnswer `json:"partitions"`
	Notes      []string     `json:"notes"`
}

type stepAnswer struct {
	Partition int32 `json:"partition"`
	From      int64 `json:"from"` // -1 = unknown
	To        int64 `json:"to"`
	Skipped   int64 `json:"skipped"`
	Repeated  int64 `json:"repeated"`
	Paused    bool  `json:"paused"` // after the change
	LogStart  int64 `json:"logStart"`
	LogEnd    int64 `json:"logEnd"`
}

func answerOf(p *control.Plan, executed bool) planAnswer {
	a := planAnswer{What: p.What, Topic: p.Topic, Executed: executed, Revision: p.Revision, Partitions: []stepAnswer{}, Notes: append([]string{}, p.Notes...)}
	for _, s := range p.Steps {
		a.Partitions = append(a.Partitions, stepAnswer{s.Partition, s.From, s.To, s.Skipped(), s.Repeated(), s.Paused, s.LogStart, s.LogEnd})
	}
	return a
}

// orders are those that need the store and Kafka only, so that they are taken for every group.
type orders struct {
	operators func(who string) Operator
}

func (d orders) pause(w http.ResponseWriter, req *http.Request) {
	var o order
	if decode(w, req, &o) && named(w, o.Topic, o.As) {
		d.carryOut(w, req, o, func(ctx context.Context, op Operator) (*control.Plan, error) {
			return op.Pause(ctx, o.Topic, o.Partitions)
		})
	}
}

func (d orders) resume(w http.ResponseWriter, req *http.Request) {
	var o order
	if decode(w, req, &o) && named(w, o.Topic, o.As) {
		d.carryOut(w, req, o, func(ctx context.Context, op Operator) (*control.Plan, error) {
			return op.Resume(ctx, o.Topic, o.Partitions)
		})
	}
}

func (d orders) seek(w http.ResponseWriter, req *http.Request) {
	var o seekOrder
	if !decode(w, req, &o) || !named(w, o.Topic, o.As) {
		return
	}
	to, err := target(o.To)
	if err != nil {
		refuse(w, http.StatusBadRequest, problem{"bad_request", "to: " + err.Error(), `send "earliest", "latest", {"offset":12}, {"time":"2026-01-31T12:00:00Z"} or {"shift":-100}`})
		return
	}
	d.carryOut(w, req, o.order, func(ctx context.Context, op Operator) (*control.Plan, error) {
		return op.Seek(ctx, o.Topic, o.Partitions, to, o.Force)
	})
}

// target reads the field to of a seek.
func target(raw json.RawMessage) (control.Target, error) {
	var to control.Target
	if len(raw) == 0 {
		return to, errors.New("is missing")
	}
	var word string
	if json.Unmarshal(raw, &word) == nil {
		switch word {
		case "earliest":
			return control.Earliest(), nil
		case "latest":
			return control.Latest(), nil
		}
		return to, fmt.Errorf("%q is no place", word)
	}
	var place struct {
		Offset *int64     `json:"offset"`
		Time   *time.Time `json:"time"`
		Shift  *int64     `json:"shift"`
	}
	if err := strict(raw, &place); err != nil {
		return to, err
	}
	ways := 0
	if place.Offset != nil {
		to, ways = control.Offset(*place.Offset), ways+1
	}
	if place.Time != nil {
		to, ways = control.At(*place.Time), ways+1
	}
	if place.Shift != nil {
		to, ways = control.Shift(*place.Shift), ways+1
	}
	if ways != 1 {
		return to, fmt.Errorf("names %d places", ways)
	}
	return to, nil
}

// carryOut plans, and unless it is a dry run writes.
func (d orders) carryOut(w http.ResponseWriter, req *http.Request, o order, plan func(context.Context, Operator) (*control.Plan, error)) {
	ctx, cancel := context.WithTimeout(req.Context(), orderTimeout)
	defer cancel()
	op := d.operators(o.As)
	p, err := plan(ctx, op)
	if err == nil && !o.DryRun {
		err = op.Apply(ctx, p)
	}
	if err != nil {
		failed(w, err)
		return
	}
	respond(w, http.StatusOK, answerOf(p, !o.DryRun))
}

// skip gets a partition past the record that blocks it.
func (s *Server) skip(w http.ResponseWriter, req *http.Request) {
	var o recordOrder
	if !decode(w, req, &o) || !named(w, o.Topic, o.As) {
		return
	}
	if o.Partition == nil || o.Offset == nil || o.To != "drop" && o.To != "dead_letter" {
		refuse(w, http.StatusBadRequest, problem{"bad_request", "partition, offset and to (dead_letter or drop) are required", ""})
		return
	}
	ctx, cancel := context.WithTimeout(req.Context(), orderTimeout)
	defer cancel()
	p := record.TopicPartition{Topic: o.Topic, Partition: *o.Partition}
	op := s.operators(o.As)
	plan, err := s.planSkip(ctx, op, p, *o.Offset)
	if err == nil && o.To == "dead_letter" {
		err = s.engine.DeadLetter(ctx, p, *o.Offset, "skipped by an operator")
	}
	if err == nil {
		err = op.Apply(ctx, plan)
	}
	if err != nil {
		failed(w, err)
		return
	}
	respond(w, http.StatusOK, answerOf(plan, true))
}

// planSkip plans to pass over a record. The store may lag behind what is acknowledged by a commit: for that it waits.
func (s *Server) planSkip(ctx context.Context, op Operator, p record.TopicPartition, offset int64) (*control.Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, commitWait)
	defer cancel()
	for {
		ours, err := s.blockedAt(ctx, p, offset)
		if err != nil {
			return nil, err
		}
		plan, err := op.Skip(ctx, p, offset)
		var refusal *control.Refusal
		if !ours || !errors.As(err, &refusal) || refusal.Code != control.NotBlocked {
			return plan, err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// blockedAt refuses to skip a record of a partition that is ours and goes on by itself. Of another replica's only the store tells.
func (s *Server) blockedAt(ctx context.Context, p record.TopicPartition, offset int64) (ours bool, err error) {
	status, err := s.engine.Status(ctx)
	if err != nil {
		return false, err
	}
	for i := range status.Partitions {
		x := &status.Partitions[i]
		if x.Topic != p.Topic || x.Partition != p.Partition {
			continue
		}
		if x.Acked != offset || x.Reason == "" {
			return true, &control.Refusal{
				Code:    control.NotBlocked,
				Message: fmt.Sprintf("%s is not blocked at offset %d: it is %s, and the next record is %d", p, offset, x.State, x.Acked), Hint: "look at the status again",
			}
		}
		return true, nil
	}
	return false, nil
}

// retry tries a partition of this replica now.
func (s *Server) retry(w http.ResponseWriter, req *http.Request) {
	var o recordOrder
	if !decode(w, req, &o) || !named(w, o.Topic, o.As) {
		return
	}
	if o.Partition == nil || o.Offset != nil || o.To != "" {
		refuse(w, http.StatusBadRequest, problem{"bad_request", "partition is required; offset and to are not taken", ""})
		return
	}
	ctx, cancel := context.WithTimeout(req.Context(), statusTimeout)
	defer cancel()
	if err := s.engine.Retry(ctx, record.TopicPartition{Topic: o.Topic, Partition: *o.Partition}); err != nil {
		failed(w, err)
		return
	}
	respond(w, http.StatusOK, map[string]bool{"retrying": true})
}

// named refuses an order without a topic, and names that can't stand in a key's owner.
func named(w http.ResponseWriter, topic, as string) bool {
	unfit := func(r rune) bool { return r == '/' || unicode.IsSpace(r) || !unicode.IsPrint(r) }
	switch {
	case topic == "":
		refuse(w, http.StatusBadRequest, problem{"bad_request", "topic is required", ""})
	case len(as) > 200 || strings.ContainsFunc(as, unfit):
		refuse(w, http.StatusBadRequest, problem{"bad_request", fmt.Sprintf("as must be at most 200 bytes of printable text without spaces and / (got %.60q)", as), ""})
	default:
		return true
	}
	return false
}

// failed answers an error of an order with a fitting status.
func failed(w http.ResponseWriter, err error) {
	var (
		refusal *control.Refusal
		partial *control.Partial
		none    *record.NoRecordError
		stale   *record.StaleError
		denied  *record.DeniedError
	)
	switch {
	case errors.As(err, &partial):
		refuse(w, http.StatusInternalServerError, problem{"partial", err.Error(), "look at the status and repeat what is still wanted"})
	case errors.As(err, &refusal):
		refuse(w, statusOf(refusal.Code), problem{refusal.Code, refusal.Message, refusal.Hint})
	case errors.As(err, &none):
		refuse(w, http.StatusNotFound, problem{"no_record", err.Error(), ""})
	case errors.Is(err, relay.ErrNotHere):
		refuse(w, http.StatusConflict, problem{"not_here", err.Error(), "ask the replica that has it; pause, resume, seek and skip work at any"})
	case errors.Is(err, relay.ErrNoDeadLetters):
		refuse(w, http.StatusConflict, problem{"no_dead_letters", err.Error(), `set it, or send "to":"drop"`})
	case errors.As(err, &stale):
		refuse(w, http.StatusConflict, problem{control.Changed, err.Error(), "look at the status again"})
	case errors.As(err, &denied):
		refuse(w, http.StatusForbidden, problem{"denied", err.Error(), "add the rule to the token's policy"})
	default:
		refuse(w, http.StatusServiceUnavailable, problem{"unavailable", err.Error(), "nothing was written; try again when Kafka and the store answer"})
	}
}

func statusOf(code string) int {
	switch code {
	case control.UnknownTopic, control.UnknownPartition:
		return http.StatusNotFound
	case control.BadRequest:
		return http.StatusBadRequest
	case control.OutOfRange:
		return http.StatusUnprocessableEntity
	}
	return http.StatusConflict
}
