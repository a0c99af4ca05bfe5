package control

import "context"

// Pause plans to keep partitions from being delivered; parts nil = all. They stay claimed. Those that are paused already are left out.
func (c *Control) Pause(ctx context.Context, topic string, parts []int32) (*Plan, error) {
	return c.setPaused(ctx, topic, parts, true)
}

// Resume plans to have paused partitions delivered again; parts nil = all.
func (c *Control) Resume(ctx context.Context, topic string, parts []int32) (*Plan, error) {
	return c.setPaused(ctx, topic, parts, false)
}

func (c *Control) setPaused(ctx context.Context, topic string, parts []int32, paused bool) (*Plan, error) {
	t, err := c.Look(ctx, topic)
	if err != nil {
		return nil, err
	}
	chosen, err := t.Choose(parts)
	if err != nil {
		return nil, err
	}
	plan := &Plan{What: Resume, Topic: topic, doc: t.Topic}
	if paused {
		plan.What = Pause
	}
	if t.Replaced() {
		return nil, anotherLog(topic, "reset it first")
	}
	for _, n := range chosen {
		at := &t.Partitions[n]
		switch {
		case at.Bad != nil:
			return nil, unreadable(at)
		case at.Paused == paused:
			continue
		case at.Next < 0:
			return nil, refuse(UnknownPartition, "", "Kafka has no partition %s", at.TopicPartition)
		}
		plan.Steps = append(plan.Steps, Step{
			Partition: n, From: at.Next, To: at.Next, WasPaused: at.Paused, Paused: paused, LogStart: at.LogStart, LogEnd: at.LogEnd, same: true,
		})
	}
	return plan, nil
}
