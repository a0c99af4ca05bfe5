package record

// Group is what the store keeps of one group.
type Group struct {
	Name   string
	Topics []Tracked // in the order of their names
}

// Tracked is what the store keeps of one topic of a group.
type Tracked struct {
	Topic           // Index 0 = some partitions have keys, but there is no document; of a Bad one only Name is set
	Bad     error   // non-nil: the document is there but can't be used (a *BadKeyError)
	Entries []Entry // the keys that are there, in the order of the partitions
}
