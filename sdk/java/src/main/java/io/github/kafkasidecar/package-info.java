/**
 * Receives records from Kafka Sidecar: an application needs no Kafka client, only a handler of batches. Begin with
 * {@link io.github.kafkasidecar.Sidecar#handle}.
 *
 * <p>Unless a method says otherwise, arguments are not null and a null one is answered with a
 * {@link java.lang.NullPointerException}; values returned are not null.
 */
package io.github.kafkasidecar;
