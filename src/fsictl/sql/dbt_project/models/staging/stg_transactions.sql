select
    source.client_id,
    source.transaction_id,
    source.symbol,
    source.side,
    source.price,
    {{ milliseconds_of('source.timestamp') }} as timestamp_ms,
    {{ money('source.amount') }} as amount,
    cast({{ moment_of('source.timestamp') }} as date) as day
from {{ source('forex', 'transactions') }} as source
