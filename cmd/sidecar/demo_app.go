package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// demoDelivery is one record of one request, in the order of arrival.
type demoDelivery struct {
	demoPlace
	value string
	acked bool // the app answered 200
}

// demoApp is the application: it takes batches as protocol version 1 has them, keeps a log of every
// record it was given, and can crash in the middle of a request.
type demoApp struct {
	addr  string
	store *demoStore // looked into when a partition's first record comes: was its key there before?

	serving sync.WaitGroup
	server  *http.Server // written by start with mu held

	mu      sync.Mutex    // held over a request
	crash   chan struct{} // non-nil = crash in the next request
	log     []demoDelivery
	atFirst map[int32]demoKeys // what the store held when the first record of a partition came
}

// newDemoApp listens on a free port.
func newDemoApp(store *demoStore) (*demoApp, error) {
	a := &demoApp{addr: "127.0.0.1:0", store: store, atFirst: map[int32]demoKeys{}}
	return a, a.start()
}

// start makes the app answer; after a crash on the port it had before.
func (a *demoApp) start() error {
	listener, err := net.Listen("tcp", a.addr)
	if err != nil {
		return fmt.Errorf("start the app: %w", err)
	}
	a.addr = listener.Addr().String()
	server := &http.Server{Handler: http.HandlerFunc(a.take), ReadHeaderTimeout: 10 * time.Second}
	a.mu.Lock()
	a.server = server
	a.mu.Unlock()
	a.serving.Go(func() { _ = server.Serve(listener) })
	return nil
}

// close ends the app as a crash does: connections are cut.
func (a *demoApp) close() {
	_ = a.server.Close()
	a.serving.Wait()
}

func (a *demoApp) url() string { return "http://" + a.addr + "/batches" }

// crashNext makes the app die in its next request, before it answers. The channel is closed then.
func (a *demoApp) crashNext() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.crash = make(chan struct{})
	return a.crash
}

// take is the whole application: write down the records, then acknowledge them with an empty 200.
func (a *demoApp) take(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Partitions []struct {
			Partition int32
			Records   []struct {
				Offset int64
				Value  string
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	from := len(a.log)
	for _, part := range body.Partitions {
		if _, ok := a.atFirst[part.Partition]; !ok {
			a.atFirst[part.Partition], _ = a.store.read() // nothing read = the check that looks here fails
		}
		for _, rec := range part.Records {
			a.log = append(a.log, demoDelivery{demoPlace: demoPlace{part.Partition, rec.Offset}, value: rec.Value})
		}
	}
	if a.crash != nil {
		close(a.crash)
		a.crash = nil
		_ = a.server.Close()
		panic(http.ErrAbortHandler)
	}
	for i := from; i < len(a.log); i++ {
		a.log[i].acked = true
	}
}

// deliveries is the log from the mark on; len of it is the next mark.
func (a *demoApp) deliveries(mark int) []demoDelivery {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.log[mark:])
}

// mark is how long the log is.
func (a *demoApp) mark() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.log)
}

// acked is how many deliveries from the mark on were acknowledged.
func (a *demoApp) acked(mark int) int {
	n := 0
	for _, d := range a.deliveries(mark) {
		if d.acked {
			n++
		}
	}
	return n
}

// storeAtFirst is what the store held when the first record of the partition came.
func (a *demoApp) storeAtFirst(partition int32) demoKeys {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.atFirst[partition]
}

// demoFirst is the first offset of a partition among deliveries; -1 = none.
func demoFirst(log []demoDelivery, partition int32) int64 {
	for _, d := range log {
		if d.partition == partition {
			return d.offset
		}
	}
	return -1
}
