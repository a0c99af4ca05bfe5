package contract

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/deliver"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/protocol"
)

const group = "contract"

// writer makes batches and requests.
type writer struct {
	app     *deliver.App
	columns bool
	token   bool
	sample  []byte
	now     time.Time
	run     string // a part of every topic

	vectors   protocol.EncodeFile
	malformed protocol.MalformedFile
}

func newWriter(cfg Config, app *deliver.App, now time.Time) (*writer, error) {
	w := &writer{
		app: app, columns: cfg.Format == "columns", token: cfg.Token != nil,
		sample: []byte(cfg.Sample), now: now, run: strconv.FormatInt(now.Unix(), 36),
	}
	if err := protocol.Read("encode.json", &w.vectors); err != nil {
		return nil, err
	}
	return w, protocol.Read("columns-malformed.json", &w.malformed)
}

// topic is the topic of a trial: contract-<run>-<name>.
func (w *writer) topic(name string) string {
	return "contract-" + w.run + "-" + strings.ReplaceAll(name, " ", "-")
}

// part is a partition's share with the given records, which get the offsets from 100 on where they have none.
func (w *writer) part(topic string, partition int32, records ...record.Record) record.Part {
	p := record.Part{Range: record.Range{
		TopicPartition: record.TopicPartition{Topic: w.topic(topic), Partition: partition},
		Fence:          w.now.Unix(),
	}}
	for i, r := range records {
		if r.Offset == 0 {
			r.Offset = 100 + int64(i)
		}
		p.Records = append(p.Records, r)
	}
	p.From, p.Until = p.Records[0].Offset, p.Records[len(p.Records)-1].Offset+1
	return p
}

func (w *writer) batch(parts ...record.Part) *record.Batch {
	return &record.Batch{Group: group, Attempt: 1, Parts: parts}
}

// sampleRecord has a key and the sample as its value.
func (w *writer) sampleRecord() record.Record {
	return record.Record{Timestamp: w.now.UnixMilli(), Key: []byte("key"), Value: w.sample}
}

// with is the sample's record with a change.
func (w *writer) with(change func(*record.Record)) record.Record {
	r := w.sampleRecord()
	change(&r)
	return r
}

// single is a batch of one record.
func (w *writer) single(topic string, change func(*record.Record)) *record.Batch {
	return w.batch(w.part(topic, 0, w.with(change)))
}

// request is what the sidecar would send for b.
func (w *writer) request(b *record.Batch) request {
	body := w.app.Encode(nil, b)
	return request{batch: b, head: w.app.Head(b, len(body)), body: body}
}

// instead is the request for b with another body.
func (w *writer) instead(b *record.Batch, name string, body []byte) request {
	return request{name: name, batch: b, head: w.app.Head(b, len(body)), body: body}
}

// withHeader is a request's head with a header replaced or added; the value "" takes it away.
func withHeader(head []byte, name, value string) []byte {
	var out []byte
	for line := range bytes.SplitSeq(bytes.TrimSuffix(head, []byte("\r\n\r\n")), []byte("\r\n")) {
		found, _, _ := bytes.Cut(line, []byte(":"))
		if !strings.EqualFold(string(found), name) {
			out = append(append(out, line...), "\r\n"...)
		}
	}
	if value != "" {
		out = fmt.Appendf(out, "%s: %s\r\n", name, value)
	}
	return append(out, "\r\n"...)
}

// relabelled are the encode vectors as batches of this run: only group and topics are others. Batches that
// the URL has no room for are left out.
func (w *writer) relabelled() []request {
	var all []request
	for i, c := range w.vectors.Cases {
		b := c.Batch.Record()
		if b.Group == "billing" {
			b.Group = group
		} else {
			b.Group = group + " " + b.Group
		}
		topics := map[string]bool{}
		for j := range b.Parts {
			topics[b.Parts[j].Topic] = true
			b.Parts[j].Topic = w.topic(fmt.Sprintf("vector-%d-%s", i+1, b.Parts[j].Topic))
			b.Parts[j].Fence = w.now.Unix()
		}
		if len(topics) > 1 && w.app.TopicInURL() {
			continue
		}
		r := w.request(b)
		r.name = c.Name
		all = append(all, r)
	}
	return all
}
