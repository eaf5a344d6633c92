"""How the Java virtual machines of a local Kafka are started."""

from ranking_app.local.kafka_dir import TMP_NAME

QUICK_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Measured on 2 cores: a broker is up after 3.9 s of CPU instead of 6.8 s, and moves 600,000 records of 245 B
for 1.4 s of CPU where G1 and the C2 compiler take 3.5 s to 6.8 s in their first minutes. Long-running, C2
alone gains nothing that can be measured: a broker moves bytes, it hardly computes."""

BROKER_JVM = (
    *QUICK_JVM,
    "-Xmx512m",
    # Native libraries are unpacked there; what a killed broker leaves goes at the next start.
    f"-Djava.io.tmpdir={TMP_NAME}",
    "-XX:+PerfDisableSharedMem",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    # Prints all 330 settings four times at every start.
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",
)
