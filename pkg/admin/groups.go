package admin

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// GroupLister reads everything that is kept of all groups.
type GroupLister interface {
	Groups(ctx context.Context) ([]record.Group, error)
}

// Groups is where the groups are kept, and the Kafka that their topics are in.
type Groups struct {
	Store   GroupLister
	Cluster control.Cluster
	Own     string // the group of the process; "" = it has none
}

// groupsAnswer is the answer of GET /v1/groups.
type groupsAnswer struct {
	Own        string        `json:"own"`
	KafkaError string        `json:"kafkaError"` // why no lag is known; "" = it is
	Groups     []groupAnswer `json:"groups"`
}

type groupAnswer struct {
	Group  string        `json:"group"`
	Topics []topicAnswer `json:"topics"`
}

// topicAnswer is how a topic of a group stands in the store.
type topicAnswer struct {
	Topic      string     `json:"topic"`
	Partitions int        `json:"partitions"`
	Lag        *int64     `json:"lag"` // log end - committed, of all partitions; null = not known
	Paused     int        `json:"paused"`
	LastCommit *time.Time `json:"lastCommit"` // null = never
	Owners     []string   `json:"owners"`     // hosts that wrote a partition's key last
	Revision   int64      `json:"revision"`
	Error      string     `json:"error"` // what is wrong with the topic as a whole; "" = nothing
}

func (s *Server) groups(w http.ResponseWriter, req *http.Request) { s.cfg.Groups.answer(w, req) }

func (g *Groups) answer(w http.ResponseWriter, req *http.Request) {
	a := groupsAnswer{Groups: []groupAnswer{}}
	if g == nil {
		respond(w, http.StatusOK, a)
		return
	}
	ctx, cancel := context.WithTimeout(req.Context(), orderTimeout)
	defer cancel()
	kept, err := g.Store.Groups(ctx)
	if err != nil {
		failed(w, err)
		return
	}
	groups, away := control.Survey(ctx, kept, g.Cluster)
	if a.Own = g.Own; away != nil {
		a.KafkaError = away.Error()
	}
	for _, group := range groups {
		one := groupAnswer{Group: group.Name, Topics: []topicAnswer{}}
		for i := range group.Topics {
			one.Topics = append(one.Topics, answerOfTopic(&group.Topics[i]))
		}
		a.Groups = append(a.Groups, one)
	}
	respond(w, http.StatusOK, a)
}

func answerOfTopic(t *control.GroupTopic) topicAnswer {
	a := topicAnswer{Topic: t.Name, Partitions: len(t.Partitions), Revision: t.Revision, Error: troubleOf(t)}
	lag, known := int64(0), len(t.Partitions) > 0
	owners := map[string]bool{}
	for i := range t.Partitions {
		p := &t.Partitions[i]
		lag += p.Lag()
		known = known && p.LogEnd >= 0 && p.Next >= 0
		if p.Paused {
			a.Paused++
		}
		if at := p.CommittedAt; !at.IsZero() && (a.LastCommit == nil || at.After(*a.LastCommit)) {
			a.LastCommit = &at
		}
		if host := hostOf(p.Owner); host != "" {
			owners[host] = true
		}
	}
	if known {
		a.Lag = &lag
	}
	a.Owners = slices.AppendSeq([]string{}, maps.Keys(owners))
	slices.Sort(a.Owners)
	return a
}

// hostOf is the host in the owner of a key; "" when an operator wrote it.
func hostOf(owner string) string {
	host, _, _ := strings.Cut(owner, "/")
	if host == "operator" {
		return ""
	}
	return host
}

// troubleOf says what is wrong with a topic as a whole.
func troubleOf(t *control.GroupTopic) string {
	switch {
	case t.Bad != nil:
		return t.Bad.Error()
	case t.Index == 0:
		return "its document is missing in the store: an import was cut off, or it was deleted"
	case t.View.Err != nil:
		return "ask Kafka for it: " + t.View.Err.Error()
	case t.View.Missing:
		return "Kafka has no such topic"
	case t.Replaced():
		return "it was recreated, or this is another cluster: the stored offsets are of another log"
	}
	return ""
}
