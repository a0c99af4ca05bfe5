package io.github.kafkasidecar;

import java.sql.SQLException;

/** The guard with an embedded database. */
class H2OffsetGuardTest extends EachInTransactionContract {
    @Override
    GuardDatabase newDatabase() throws SQLException {
        return GuardDatabase.h2();
    }
}
