-- What each client did up to the end of the run date. A purchase is a transaction of zero or more; one below zero is a
-- refund or a cancelled trade: it takes from the money and is no purchase.
select
    client_id,
    min(case when amount >= 0 then day end) as first_day,
    max(case when amount >= 0 then day end) as last_day,
    count(distinct case when amount >= 0 then day end) as purchase_days,
    count(case when amount >= 0 then 1 end) as purchases,
    count(case when amount < 0 then 1 end) as refunds,
    sum(amount) as monetary
from {{ ref('stg_transactions') }}
where timestamp_ms < {{ day_end_ms() }}
group by client_id
having count(case when amount >= 0 then 1 end) > 0
