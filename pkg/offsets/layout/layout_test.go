package layout

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

func TestEscape(t *testing.T) {
	for name, want := range map[string]string{
		"billing": "billing", "a.b_c-D9": "a.b_c-D9", "a b": "a~20b", "a/b": "a~2fb", "~": "~7e", ".": "~2e",
		"..": "~2e~2e", "...": "...", ".a": ".a", "ü": "~c3~bc", "a%20": "a~2520", "": "",
	} {
		assert.Equal(t, want, Escape(name))
		back, err := Unescape(want)
		require.NoError(t, err)
		assert.Equal(t, name, back)
	}
	for _, segment := range []string{"~", "~2", "~2F", "~zz", "~61", ".", "..", "a b", "~+1", "a/b"} {
		_, err := Unescape(segment)
		assert.Error(t, err, segment)
	}
}

func TestFolder(t *testing.T) {
	assert.Equal(t, "kafka-sidecar/team~20a/", Folder("kafka-sidecar", "team a"))
	assert.Equal(t, "orders/_topic", TopicName("orders"))
	assert.Equal(t, "orders/3", EntryName(record.TopicPartition{Topic: "orders", Partition: 3}))
}

func TestCheckPrefix(t *testing.T) {
	for _, prefix := range []string{"kafka-sidecar", "a/b/c", "a.b/..c", "~x"} {
		assert.NoError(t, CheckPrefix(prefix), prefix)
	}
	for _, prefix := range []string{"", "/", "/a", "a/", "a//b", ".", "a/../b", "a b", "a%20", "a?b", "ü"} {
		assert.Error(t, CheckPrefix(prefix), prefix)
	}
}

func TestDecodeTopicRefuses(t *testing.T) {
	for want, value := range map[string]string{
		"can't be decoded":   `{`,
		"has no version":     `{}`,
		"newer":              `{"v":2,"partitions":"many"}`,
		"unknown version":    `{"v":0}`,
		"has no partitions":  `{"v":1,"baseline":{}}`,
		"has no baseline":    `{"v":1,"partitions":1}`,
		"negative number":    `{"v":1,"partitions":-1,"baseline":{}}`,
		"impossible":         `{"v":1,"partitions":1,"baseline":{"0":-2}}`,
		"cannot unmarshal":   `{"v":1,"partitions":1,"baseline":{"x":1}}`,
		"number 99999999999": `{"v":1,"partitions":99999999999,"baseline":{}}`,
	} {
		_, err := DecodeTopic("orders", "k", []byte(value), 1)
		var bad *record.BadKeyError
		require.ErrorAs(t, err, &bad, value)
		assert.Contains(t, bad.Reason, want)
		assert.Equal(t, "k", bad.Key)
	}
}

func TestDecodeEntryRefuses(t *testing.T) {
	for want, value := range map[string]string{
		"can't be decoded":  ``,
		"has no version":    `null`,
		"has no offset":     `{"v":1}`,
		"negative offset":   `{"v":1,"offset":-1}`,
		"negative epoch":    `{"v":1,"offset":1,"epoch":-1}`,
		"invalid character": `{"v":1,"offset":1} x`,
		"parsing time":      `{"v":1,"offset":1,"committedAt":"yesterday"}`,
	} {
		e := DecodeEntry(record.TopicPartition{Topic: "orders"}, "k", []byte(value), 1)
		require.Error(t, e.Bad, value)
		assert.Contains(t, e.Bad.Error(), want)
		assert.Equal(t, record.Entry{TopicPartition: e.TopicPartition, Index: 1, Bad: e.Bad}, e, "the version, to write over it, and nothing else")
	}
}

func FuzzEscape(f *testing.F) {
	for _, name := range []string{"billing", ".", "..", "~7e", "ü/ \x00", ""} {
		f.Add(name)
	}
	segment := regexp.MustCompile(`^([A-Za-z0-9._-]|~[0-9a-f]{2})*$`)
	f.Fuzz(func(t *testing.T, name string) {
		escaped := Escape(name)
		if !segment.MatchString(escaped) || escaped == "." || escaped == ".." {
			t.Fatalf("%q is not one segment of a key: %q", name, escaped)
		}
		back, err := Unescape(escaped)
		if err != nil || back != name {
			t.Fatalf("%q came back as %q: %v", name, back, err)
		}
		if raw, err := Unescape(name); err == nil && Escape(raw) != name {
			t.Fatalf("%q and %q name the same group", name, Escape(raw))
		}
	})
}

func FuzzDecodeEntry(f *testing.F) {
	f.Add([]byte(`{"v":1,"offset":1204,"leaderEpoch":7,"topicId":"","owner":"a/b","epoch":1,"paused":true,"committedAt":"2025-11-24T16:00:41+01:00"}`))
	f.Add([]byte(`{"v":2}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, value []byte) {
		p := record.TopicPartition{Topic: "orders"}
		e := DecodeEntry(p, "k", value, 9)
		if e.Bad != nil {
			return
		}
		if e.Offset < 0 || e.Epoch < 0 || e.Index != 9 {
			t.Fatalf("an impossible entry was accepted: %+v", e)
		}
		again, err := EncodeEntry(e)
		if err != nil {
			return // a time whose year JSON can't hold once it is in UTC
		}
		if back := DecodeEntry(p, "k", again, 9); back != e {
			t.Fatalf("%+v came back as %+v", e, back)
		}
	})
}

func FuzzDecodeTopic(f *testing.F) {
	f.Add([]byte(`{"v":1,"group":"billing","topic":"orders","topicId":"","clusterId":"c","partitions":12,"baseline":{"0":1200,"1":977},"start":"latest","revision":1,"createdAt":"2025-11-24T16:00:41Z"}`))
	f.Add([]byte(`{"v":1,"partitions":0,"baseline":{}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, value []byte) {
		topic, err := DecodeTopic("orders", "k", value, 9)
		if err != nil {
			return
		}
		first, err := EncodeTopic("billing", topic)
		if err != nil {
			return
		}
		back, err := DecodeTopic("orders", "k", first, 9)
		if err != nil {
			t.Fatalf("what was written can't be read: %s: %v", first, err)
		}
		second, err := EncodeTopic("billing", back)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s came back as %s: %v", first, second, err)
		}
	})
}

func TestParseName(t *testing.T) {
	for name, want := range map[string]record.TopicPartition{
		"orders/3": {Topic: "orders", Partition: 3}, "orders/_topic": {Topic: "orders", Partition: ofTopic}, "_audit/0": {Topic: "_audit"},
	} {
		p, ok := ParseName(name)
		require.True(t, ok, name)
		require.Equal(t, want, p)
	}
	for _, name := range []string{
		"", "orders", "orders/", "/3", "orders/03", "orders/+3", "orders/-1", "orders/2147483648", "orders/3/4", "a b/3", "_check", "eu/orders/3",
		"_audit/20260131T120000.000000000Z-0123456789abcdef",
	} {
		_, ok := ParseName(name)
		require.False(t, ok, name)
	}
}
