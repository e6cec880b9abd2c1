select
    source.symbol,
    {{ milliseconds_of('source.timestamp') }} as timestamp_ms,
    source.model_version,
    source.reconstruction_error,
    source.threshold,
    source.unreliable,
    source.alert,
    source.p_value,
    source.rsi,
    source.side,
    source.reason,
    {{ moment_of('source.timestamp') }} as moment
from {{ source('forex', 'reconerr') }} as source
