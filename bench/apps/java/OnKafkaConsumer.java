import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

import java.time.Duration;
import java.util.Collections;
import java.util.Properties;

/**
 * The same handler on KafkaConsumer: OnKafkaConsumer BROKER TOPIC GROUP EXPECT MODE. Offsets are committed once a second, after
 * the handler has returned, as the sidecar does.
 */
public final class OnKafkaConsumer {
    private OnKafkaConsumer() {}

    public static void main(String[] args) throws Exception {
        Handling handling = new Handling(args[4], Long.parseLong(args[3]));
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("group.id", args[2]);
        settings.put("auto.offset.reset", "earliest");
        settings.put("auto.commit.interval.ms", "1000");
        settings.put("max.poll.records", "500");
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(Collections.singleton(args[1]));
            while (true) { // until a signal ends the process
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(500));
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    handling.handle(record.value());
                }
                handling.count(records.count());
            }
        }
    }
}
