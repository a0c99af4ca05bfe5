package layout

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// AuditFolder is where the operators' log is, inside the group's folder. A topic of that name would put its keys there too; theirs
// have other names.
const AuditFolder = "_audit/"

// auditTime has a fixed width and no colon, so that names sort by time and need no escaping.
const auditTime = "20060102T150405.000000000Z"

// auditDocument is the value of <prefix>/<group>/_audit/<time>-<nonce>.
type auditDocument struct {
	V        int              `json:"v"`
	Time     time.Time        `json:"time"`
	Nonce    string           `json:"nonce"`
	Who      string           `json:"who"`
	What     string           `json:"what"`
	Topic    string           `json:"topic"`
	Revision int64            `json:"revision"`
	Changes  []changeDocument `json:"changes"`
}

type changeDocument struct {
	Partition int32             `json:"partition"`
	Before    *standingDocument `json:"before"`
	After     *standingDocument `json:"after"`
}

type standingDocument struct {
	Offset int64 `json:"offset"`
	Paused bool  `json:"paused"`
}

// AuditName is the name of a line inside the group's folder.
func AuditName(a record.Audit) string {
	return AuditFolder + a.Time.UTC().Format(auditTime) + "-" + a.Nonce
}

// EncodeAudit is the document of a line.
func EncodeAudit(a record.Audit) ([]byte, error) {
	if a.Time.IsZero() || a.Nonce == "" {
		return nil, errors.New("a line of the audit log needs a time and a nonce")
	}
	d := auditDocument{
		V: Version, Time: a.Time.UTC(), Nonce: a.Nonce, Who: a.Who, What: a.What, Topic: a.Topic, Revision: a.Revision,
		Changes: make([]changeDocument, len(a.Changes)),
	}
	for i, c := range a.Changes {
		d.Changes[i] = changeDocument{c.Partition, (*standingDocument)(c.Before), (*standingDocument)(c.After)}
	}
	return json.Marshal(d)
}

// DecodeAudit reads a line; false when it can't be understood. Times come back in UTC.
func DecodeAudit(value []byte, index uint64) (record.Audit, bool) {
	var d auditDocument
	if err := decode(value, &d); err != nil {
		return record.Audit{}, false
	}
	a := record.Audit{
		Time: d.Time.UTC(), Nonce: d.Nonce, Who: d.Who, What: d.What, Topic: d.Topic, Revision: d.Revision, Index: index,
		Changes: make([]record.Change, len(d.Changes)),
	}
	for i, c := range d.Changes {
		a.Changes[i] = record.Change{Partition: c.Partition, Before: (*record.Standing)(c.Before), After: (*record.Standing)(c.After)}
	}
	return a, true
}
