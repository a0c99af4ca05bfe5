import io.github.kafkasidecar.Record;
import io.github.kafkasidecar.Sidecar;

/** The handler behind the sidecar: BehindSidecar PORT EXPECT MODE. */
public final class BehindSidecar {
    private BehindSidecar() {}

    public static void main(String[] args) throws Exception {
        Handling handling = new Handling(args[2], Long.parseLong(args[1]));
        Sidecar.handle(batch -> {
            for (Record record : batch.records()) {
                handling.handle(record.value());
            }
            handling.count(batch.records().size());
        }).serve(Integer.parseInt(args[0]));
    }
}
